// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/lfw_report.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "base/progress.h"
#include "evaluation/roc.h"
#include "evaluation/told_rate.h"
#include "report/html_page.h"
#include "report/numbers.h"
#include "report/plot.h"
#include "report/text_table.h"

namespace sphereface {
namespace {

constexpr double kValidationFar = 1e-3;
constexpr double kLowestFar = 1e-4;
constexpr size_t kBins = 60;
constexpr size_t kShownPairs = 12;  // of each kind: three rows
constexpr size_t kCurvePoints = 200;
constexpr const char* kOptimistic =
    "The threshold was chosen on the pairs it is scored on: optimistic.";

/// TAR over FAR, on a logarithmic axis.
Panel rocPanel(const LfwResult& result) {
  // The curve as tarAtFar reads it: TAR stays until the next point's FAR is allowed.
  const std::vector<RocPoint>& roc = result.roc;
  // From one false accept on: lower rates can't be told apart.
  const double lowest = std::max(kLowestFar, 1 / static_cast<double>(result.scores.different));
  Series series{concat("area ", percent(result.auc), ", equal error rate ", percent(result.eer)),
                {lowest},
                {tarAtFar(roc, lowest)}};
  for (size_t i = 1; i < roc.size(); ++i) {
    if (roc[i].far <= lowest) continue;
    series.x.insert(series.x.end(), {roc[i].far, roc[i].far});
    series.y.insert(series.y.end(), {roc[i - 1].tar, roc[i].tar});
  }
  return {.x_label = "false accept rate",
          .y_label = "true accept rate",
          .log_x = true,
          .x_range = Range{kLowestFar, 1},
          .y_range = Range{0, 1},
          .series = {series}};
}

/// Values of the pairs of both kinds, with the mean threshold.
Panel scorePanel(const LfwResult& result) {
  std::vector<double> same;
  std::vector<double> different;
  for (size_t i = 0; i < result.values.size(); ++i)
    (result.same[i] ? same : different).push_back(result.values[i]);
  Panel panel =
      histogramPanel(concat(measureName(result.rule.measure), " of the two features"), "pairs",
                     {{"same person", same}, {"different people", different}}, kBins);
  double highest = 0;
  for (const Series& series : panel.series)
    highest = std::max(highest, *std::max_element(series.y.begin(), series.y.end()));
  const double threshold = spreadOf(result.fold_threshold).mean;
  panel.series.push_back(
      {"mean threshold", {threshold, threshold}, {0, highest}, SeriesStyle::kReference});
  return panel;
}

/// Each rate of the pooled pairs, as the table, the page and JSON call it.
struct Rate {
  const char* in_table;
  const char* on_page;
  const char* json_key;
  ToldRate told;
};

/// How many independent pairs tell as much of the area under the ROC (Hanley and McNeil, Radiology
/// 143, 1982).
double areaTrials(const LfwResult& result) {
  const double area = result.auc;
  const auto same = static_cast<double>(result.scores.same);
  const auto different = static_cast<double>(result.scores.different);
  const double one_same = area / (2 - area) - area * area;
  const double one_different = 2 * area * area / (1 + area) - area * area;
  const double variance =
      (area * (1 - area) + (same - 1) * one_same + (different - 1) * one_different) /
      (same * different);
  // At 0 and 1 there is no variance to go by.
  return area > 0 && area < 1 ? area * (1 - area) / variance : std::min(same, different);
}

std::vector<Rate> ratesOf(const LfwResult& result) {
  const auto same = static_cast<double>(result.scores.same);
  const std::string no_roc = whyUntold(result.scores, 1);
  const auto tar = [&](double far, double rate) {
    return tell(whyUntold(result.scores, far), rate, same);
  };
  return {{"area under ROC", "area under ROC", "auc", tell(no_roc, result.auc, areaTrials(result))},
          // Half of it is of the pairs of each kind: the fewer count.
          {"equal error rate", "equal error rate", "eer",
           tell(no_roc, result.eer,
                static_cast<double>(std::min(result.scores.same, result.scores.different)))},
          {"TAR at FAR <= 1 %", "TAR at FAR <= 1 %", "1e-2", tar(1e-2, result.tar_at_far_1e2)},
          {"TAR at FAR <= 0.1 %", "TAR at FAR <= 0.1 %", "1e-3", tar(1e-3, result.tar_at_far_1e3)},
          {"TAR at FAR <= 1e-4", "TAR at FAR <= 0.01 %", "1e-4", tar(1e-4, result.tar_at_far_1e4)}};
}

ToldRate toldAccuracy(const LfwResult& result) {
  return tell("", result.accuracy_mean, static_cast<double>(result.values.size()));
}

ToldRate toldValidation(const LfwResult& result) {
  return tell(whyUntold(result.validation_rate->training, kValidationFar),
              result.validation_rate->mean, static_cast<double>(result.scores.same));
}

/// "none" for one that accepts no pair.
std::string thresholdText(double threshold) {
  return std::isfinite(threshold) ? fixed(threshold, 4) : "none";
}

/// Number, accuracy and threshold of each fold.
std::vector<std::vector<std::string>> foldRows(const LfwResult& result) {
  std::vector<std::vector<std::string>> rows;
  for (size_t fold = 0; fold < result.fold_accuracy.size(); ++fold) {
    rows.push_back({std::to_string(fold + 1), percent(result.fold_accuracy[fold]),
                    thresholdText(result.fold_threshold[fold])});
  }
  return rows;
}

void addHardPairs(const std::string& name, const std::vector<HardPair>& hard, const PairList& list,
                  const ImageSource& images, HtmlPage& page) {
  const size_t shown = std::min(kShownPairs, hard.size());
  page.heading(concat(name, ": ", hard.size(),
                      shown < hard.size() ? concat(", the ", shown, " farthest from the threshold")
                                          : std::string()));
  if (shown == 0) {
    page.paragraph("None.");
    return;
  }
  std::vector<std::string> stems;
  for (size_t i = 0; i < shown; ++i) {
    stems.push_back(list.pairs[hard[i].pair].left);
    stems.push_back(list.pairs[hard[i].pair].right);
  }
  std::vector<size_t> faces;
  if (!images.names.empty()) faces = locateImages(stems, images.names, "pictures");
  std::vector<FacePair> pairs;
  for (size_t i = 0; i < shown; ++i) {
    FacePair pair;
    if (!faces.empty()) {
      pair.left = images.load(faces[2 * i]);
      pair.right = images.load(faces[2 * i + 1]);
    }
    pair.caption = concat(stems[2 * i], " and ", stems[2 * i + 1], ": ", fixed(hard[i].value, 4),
                          ", threshold ", thresholdText(hard[i].threshold));
    pairs.push_back(std::move(pair));
  }
  page.facePairs(pairs);
}

}  // namespace

std::string lfwTable(const LfwResult& result, const FeatureSet& features) {
  TextTable folds({6, 11, 12});
  folds.row({"fold", "accuracy", "threshold"});
  for (const std::vector<std::string>& row : foldRows(result))
    folds.row(row);
  TextTable rates({-21, 9, 0});
  const auto add = [&](const std::string& name, const ToldRate& told, const std::string& more) {
    // What there is stands behind what it needs.
    rates.row({"  " + name, told.rate ? rateText(told) : "  n/a: " + told.reason,
               told.rate ? concat("   95 %: ", intervalText(told), more) : ""});
  };
  for (const Rate& rate : ratesOf(result))
    add(rate.in_table, rate.told, "");
  if (const auto& validated = result.validation_rate) {
    add("VAL at FAR 0.1 %", toldValidation(result),
        concat(", +- ", percent(validated->std), " over folds, FAR ", percent(validated->far, 3)));
  }
  TextTable mean({6, 11, 0});
  mean.row(
      {"mean", percent(result.accuracy_mean),
       concat("   +- ", percent(result.accuracy_std), " over folds, standard error ",
              percent(result.standard_error), ", 95 %: ", intervalText(toldAccuracy(result)))});
  std::string text =
      concat(result.values.size(), " pairs of ", result.images, " images, features of ",
             features.dim, " numbers, protocol ", result.rule.name, "\n\n", folds.text(),
             mean.text(), "\n", rates.text());
  if (!result.rule.isHeldOut()) text += concat("\n", kOptimistic, "\n");
  return text + warningText(result.warnings);
}

Json lfwJson(const LfwResult& result, const PairList& list, const FeatureSet& features) {
  Json json = {{"protocol", result.rule.name},
               {"measure", measureName(result.rule.measure)},
               {"accuracy_mean", result.accuracy_mean},
               {"accuracy_interval", intervalJson(toldAccuracy(result))},
               {"accuracy_std", result.accuracy_std},
               {"standard_error", result.standard_error},
               {"fold_accuracy", result.fold_accuracy},
               {"fold_threshold", result.fold_threshold}};
  json["reasons"] = Json::object();
  for (const Rate& rate : ratesOf(result)) {
    const std::string key = rate.json_key;
    const bool at_far = key.starts_with("1e");
    (at_far ? json["tar_at_far"][key] : json[key]) = rateJson(rate.told);
    (at_far ? json["tar_at_far_interval"][key] : json[key + "_interval"]) = intervalJson(rate.told);
    if (!rate.told.rate) json["reasons"][(at_far ? "tar_at_far." : "") + key] = rate.told.reason;
  }
  if (const auto& validated = result.validation_rate) {
    const ToldRate told = toldValidation(result);
    json["validation_rate"] = {{"mean", rateJson(told)},
                               {"interval", intervalJson(told)},
                               {"std", told.rate ? Json(validated->std) : Json()},
                               {"far", told.rate ? Json(validated->far) : Json()}};
    if (!told.rate) json["reasons"]["validation_rate"] = told.reason;
  }
  json["warnings"] = result.warnings;
  json.update({{"pairs", list.pairs.size()},
               {"pairs_sha256", list.sha256},
               {"images", result.images},
               {"zero_norm_images", result.zero_norm_images},
               {"feature_dim", features.dim},
               {"mirror", features.mirror},
               {"alignment_template", features.alignment_template},
               {"color_order", features.color_order},
               {"model_sha256", features.model_sha256}});
  return json;
}

Json lfwScores(const LfwResult& result, const Json& whole) {
  Json scores = {{"benchmark", "lfw"}};
  for (const char* key : {"protocol", "accuracy_mean", "accuracy_std", "auc", "eer", "tar_at_far",
                          "reasons", "pairs"})
    scores[key] = whole.at(key);
  // TAR at FARs that are evenly spaced on a logarithmic axis, from one false accept to all of them.
  const auto negatives = std::count(result.same.begin(), result.same.end(), false);
  const double lowest = std::log10(1.0 / static_cast<double>(negatives));
  scores["roc"] = Json::array();
  if (result.roc.empty()) return scores;
  for (size_t i = 0; i < kCurvePoints; ++i) {
    const double place = static_cast<double>(i) / static_cast<double>(kCurvePoints - 1);
    const double far = std::pow(10.0, lowest * (1 - place));
    scores["roc"].push_back({far, tarAtFar(result.roc, far)});
  }
  return scores;
}

void writeLfwPlots(const std::filesystem::path& folder, const LfwResult& result,
                   const std::string& label) {
  std::filesystem::create_directories(folder);
  if (!result.roc.empty())
    writeFigure(folder / "lfw_roc.png", concat("Verification of pairs: ", label),
                {rocPanel(result)});
  writeFigure(folder / "lfw_scores.png",
              concat("Scores: ", label, ", accuracy ", percent(result.accuracy_mean)),
              {scorePanel(result)});
}

std::string lfwPage(const LfwResult& result, const PairList& list, const FeatureSet& features,
                    const std::string& label, const ImageSource& images) {
  HtmlPage page("Verification of pairs", label);
  std::vector<std::vector<std::string>> figures = {
      rateFigure(toldAccuracy(result), concat("accuracy, ", result.rule.name, " protocol"))};
  for (const Rate& rate : ratesOf(result))
    figures.push_back(rateFigure(rate.told, rate.on_page));
  page.figures(figures);
  for (const std::string& warning : result.warnings)
    page.paragraph("Warning: " + warning);
  if (!result.rule.isHeldOut()) page.paragraph(kOptimistic);
  page.heading("What was evaluated");
  page.facts({{"pairs",
               concat(list.pairs.size(), " of ", result.images, " images, ", list.folds, " folds")},
              {"list of pairs, SHA-256", list.sha256},
              {"model, SHA-256", orNotKnown(features.model_sha256)},
              {"features", concat(features.dim, " numbers, mirrored image: ", features.mirror)},
              {"alignment, colours", concat(orNotKnown(features.alignment_template), ", ",
                                            orNotKnown(features.color_order))}});
  if (!result.roc.empty()) {
    page.heading("ROC");
    page.picture(drawFigure("", {rocPanel(result)}), "true accept rate over false accept rate");
  }
  page.heading("Scores");
  page.picture(drawFigure("", {scorePanel(result)}), "histograms of the pairs of both kinds");
  page.heading("Folds");
  std::vector<std::vector<std::string>> rows = foldRows(result);
  rows.push_back({"mean", percent(result.accuracy_mean), ""});
  rows.push_back({"deviation over folds", percent(result.accuracy_std), ""});
  rows.push_back({"standard error", percent(result.standard_error), ""});
  page.table({"fold", "accuracy", concat("threshold (", measureName(result.rule.measure), ")")},
             rows);
  const HardPairs hard = hardPairs(result, list);
  addHardPairs("False accepts", hard.false_accepts, list, images, page);
  addHardPairs("False rejects", hard.false_rejects, list, images, page);
  return page.text();
}

HardPairs hardPairs(const LfwResult& result, const PairList& list) {
  HardPairs hard;
  for (size_t i = 0; i < list.pairs.size(); ++i) {
    const double threshold = result.fold_threshold[list.pairs[i].fold];
    if (isRight(result.rule.choice, result.values[i], result.same[i], threshold)) continue;
    (result.same[i] ? hard.false_rejects : hard.false_accepts)
        .push_back({i, result.values[i], threshold});
  }
  const auto harder = [](const HardPair& a, const HardPair& b) {
    return std::abs(a.value - a.threshold) > std::abs(b.value - b.threshold);
  };
  for (std::vector<HardPair>* pairs : {&hard.false_accepts, &hard.false_rejects})
    std::stable_sort(pairs->begin(), pairs->end(), harder);
  return hard;
}

}  // namespace sphereface
