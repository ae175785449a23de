// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/lfw_report.h"

#include <algorithm>
#include <iomanip>
#include <numeric>
#include <sstream>
#include <vector>

#include "base/error.h"
#include "report/plot.h"

namespace sphereface {
namespace {

constexpr double kLowestFar = 1e-4;
constexpr size_t kBins = 60;

/// The curve as tarAtFar reads it: TAR stays until the next point's FAR is allowed.
Series rocSeries(const std::vector<RocPoint>& roc, const std::string& label) {
  Series series{label, {kLowestFar}, {tarAtFar(roc, kLowestFar)}};
  for (size_t i = 1; i < roc.size(); ++i) {
    if (roc[i].far <= kLowestFar) continue;
    series.x.insert(series.x.end(), {roc[i].far, roc[i].far});
    series.y.insert(series.y.end(), {roc[i - 1].tar, roc[i].tar});
  }
  return series;
}

}  // namespace

std::string percent(double fraction, int decimals) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(decimals) << 100 * fraction << " %";
  return text.str();
}

std::string lfwTable(const LfwResult& result, const FeatureSet& features) {
  std::ostringstream out;
  out << result.values.size() << " pairs of " << result.images << " images, features of "
      << features.dim << " numbers, protocol " << result.rule.name
      << "\n\n  fold   accuracy   threshold\n"
      << std::fixed;
  for (size_t fold = 0; fold < result.fold_accuracy.size(); ++fold) {
    out << std::setw(6) << fold + 1 << std::setw(11) << percent(result.fold_accuracy[fold])
        << std::setw(12) << std::setprecision(4) << result.fold_threshold[fold] << "\n";
  }
  out << "  mean" << std::setw(11) << percent(result.accuracy_mean) << "   +- "
      << percent(result.accuracy_std) << " over folds, standard error "
      << percent(result.standard_error) << "\n\n"
      << "  area under ROC     " << std::setw(9) << percent(result.auc) << "\n"
      << "  equal error rate   " << std::setw(9) << percent(result.eer) << "\n"
      << "  TAR at FAR <= 1 %  " << std::setw(9) << percent(result.tar_at_far_1e2) << "\n"
      << "  TAR at FAR <= 0.1 %" << std::setw(9) << percent(result.tar_at_far_1e3) << "\n"
      << "  TAR at FAR <= 1e-4 " << std::setw(9) << percent(result.tar_at_far_1e4) << "\n";
  if (result.validation_rate) {
    out << "  VAL at FAR 0.1 %   " << std::setw(9) << percent(result.validation_rate->mean)
        << " +- " << percent(result.validation_rate->std) << ", FAR "
        << percent(result.validation_rate->far, 3) << "\n";
  }
  if (!result.rule.isHeldOut()) {
    out << "\nThe threshold was chosen on the pairs it is scored on: optimistic.\n";
  }
  if (result.zero_norm_images > 0) {
    out << "\n" << result.zero_norm_images << " images have features without a direction\n";
  }
  return out.str();
}

Json lfwJson(const LfwResult& result, const PairList& list, const FeatureSet& features) {
  Json json = {{"protocol", result.rule.name},
               {"measure", measureName(result.rule.measure)},
               {"accuracy_mean", result.accuracy_mean},
               {"accuracy_std", result.accuracy_std},
               {"standard_error", result.standard_error},
               {"fold_accuracy", result.fold_accuracy},
               {"fold_threshold", result.fold_threshold},
               {"auc", result.auc},
               {"eer", result.eer},
               {"tar_at_far",
                {{"1e-2", result.tar_at_far_1e2},
                 {"1e-3", result.tar_at_far_1e3},
                 {"1e-4", result.tar_at_far_1e4}}},
               {"pairs", list.pairs.size()},
               {"pairs_sha256", list.sha256},
               {"images", result.images},
               {"zero_norm_images", result.zero_norm_images},
               {"feature_dim", features.dim},
               {"mirror", features.mirror},
               {"alignment_template", features.alignment_template},
               {"color_order", features.color_order},
               {"model_sha256", features.model_sha256}};
  if (result.validation_rate) {
    json["validation_rate"] = {{"mean", result.validation_rate->mean},
                               {"std", result.validation_rate->std},
                               {"far", result.validation_rate->far}};
  }
  return json;
}

Panel lfwRocPanel(const LfwResult& result) {
  Panel roc;
  roc.x_label = "false accept rate";
  roc.y_label = "true accept rate";
  roc.log_x = true;
  roc.x_range = Range{kLowestFar, 1};
  roc.y_range = Range{0, 1};
  roc.series = {rocSeries(result.roc, concat("area ", percent(result.auc), ", equal error rate ",
                                             percent(result.eer)))};
  return roc;
}

Panel lfwScorePanel(const LfwResult& result) {
  std::vector<double> same;
  std::vector<double> different;
  for (size_t i = 0; i < result.values.size(); ++i) {
    (result.same[i] ? same : different).push_back(result.values[i]);
  }
  const auto [low, high] = std::minmax_element(result.values.begin(), result.values.end());
  constexpr double kLeast = 1e-3;  // so that equal scores have a range, too
  const Range range{*low, std::max(*high, *low + kLeast)};
  Panel panel;
  panel.x_label = concat(measureName(result.rule.measure), " of the two features");
  panel.y_label = "% of the pairs of a kind, per bin";
  panel.series = {histogram("same person", same, range, kBins),
                  histogram("different people", different, range, kBins)};
  double highest = 0;
  for (const Series& series : panel.series) {
    highest = std::max(highest, *std::max_element(series.y.begin(), series.y.end()));
  }
  const double threshold =
      std::accumulate(result.fold_threshold.begin(), result.fold_threshold.end(), 0.0) /
      static_cast<double>(result.fold_threshold.size());
  panel.series.push_back(
      {"mean threshold", {threshold, threshold}, {0, highest}, SeriesStyle::kReference});
  return panel;
}

void writeLfwPlots(const std::filesystem::path& folder, const LfwResult& result,
                   const std::string& label) {
  std::filesystem::create_directories(folder);
  writeFigure(folder / "lfw_roc.png", concat("Verification of pairs: ", label),
              {lfwRocPanel(result)});
  writeFigure(folder / "lfw_scores.png",
              concat("Scores: ", label, ", accuracy ", percent(result.accuracy_mean)),
              {lfwScorePanel(result)});
}

}  // namespace sphereface
