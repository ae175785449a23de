// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/fisher_report.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iomanip>
#include <numeric>
#include <span>
#include <sstream>
#include <vector>

#include "base/error.h"
#include "base/progress.h"
#include "evaluation/lfw_report.h"
#include "report/html_page.h"
#include "report/plot.h"

namespace sphereface {
namespace {

constexpr size_t kBins = 90;  // of two degrees

/// Of some angles, in degrees.
struct Spread {
  double mean = 0;
  double deviation = 0;  // population standard deviation
  double least = 0;
  double most = 0;
};

Spread spreadOf(std::span<const double> angles) {
  const auto count = static_cast<double>(angles.size());
  Spread spread;
  spread.mean = std::accumulate(angles.begin(), angles.end(), 0.0) / count;
  for (const double angle : angles)
    spread.deviation += (angle - spread.mean) * (angle - spread.mean) / count;
  spread.deviation = std::sqrt(spread.deviation);
  const auto [least, most] = std::minmax_element(angles.begin(), angles.end());
  spread.least = *least;
  spread.most = *most;
  return spread;
}

/// Name, mean, deviation, least and most of the angles of both kinds.
std::vector<std::vector<std::string>> rowsOf(const AngularFisher& result) {
  std::vector<std::vector<std::string>> rows;
  const auto add = [&](const std::string& name, std::span<const double> angles) {
    const Spread spread = spreadOf(angles);
    rows.push_back({name});
    for (const double value : {spread.mean, spread.deviation, spread.least, spread.most})
      rows.back().push_back(fixed(value, 2));
  };
  add("image and mean of its class", result.intra_class);
  add("means of two classes", result.inter_class);
  return rows;
}

Json spreadJson(std::span<const double> angles) {
  const Spread spread = spreadOf(angles);
  return {{"mean", spread.mean},
          {"std", spread.deviation},
          {"min", spread.least},
          {"max", spread.most},
          {"count", angles.size()}};
}

}  // namespace

std::string fisherTable(const AngularFisher& result) {
  std::ostringstream out;
  out << result.images << " images of " << result.classes << " classes\n\n"
      << "  angular Fisher score  " << fixed(result.score, 4) << "   (within "
      << fixed(result.within, 2) << ", between " << fixed(result.between, 2)
      << "; lower is better)\n\n  angles in degrees               mean  deviation  least   most\n";
  for (const std::vector<std::string>& row : rowsOf(result)) {
    out << "  " << std::left << std::setw(28) << row[0] << std::right << std::setw(8) << row[1]
        << std::setw(10) << row[2] << std::setw(8) << row[3] << std::setw(8) << row[4] << "\n";
  }
  return out.str();
}

Json fisherJson(const AngularFisher& result, const FeatureSet& features) {
  return {{"protocol", "angular-fisher"},
          {"angular_fisher_score", result.score},
          {"within", result.within},
          {"between", result.between},
          {"images", result.images},
          {"classes", result.classes},
          {"intra_class_degrees", spreadJson(result.intra_class)},
          {"inter_class_degrees", spreadJson(result.inter_class)},
          {"feature_dim", features.dim},
          {"mirror", features.mirror},
          {"model_sha256", features.model_sha256}};
}

std::string fisherPage(const AngularFisher& result, const FeatureSet& features,
                       const std::string& label) {
  HtmlPage page("Angles within and between people", label);
  page.figures({{fixed(result.score, 4), "angular Fisher score, lower is better"}});
  page.heading("What was evaluated");
  page.facts(
      {{"features", concat(result.images, " of ", result.classes, " classes, ", features.dim,
                           " numbers, mirrored image: ", features.mirror)},
       {"model, SHA-256", features.model_sha256.empty() ? "not known" : features.model_sha256},
       {"within, between", concat(fixed(result.within, 2), ", ", fixed(result.between, 2))}});
  page.heading("Angles (degrees)");
  page.table({"between", "mean", "deviation", "least", "most"}, rowsOf(result));
  Panel panel;
  panel.x_label = "angle (degrees)";
  panel.y_label = "% of the angles of a kind, per bin";
  const Range range{0, 180};
  panel.series = {histogram("image and mean of its class", result.intra_class, range, kBins),
                  histogram("means of two classes", result.inter_class, range, kBins)};
  page.picture(drawFigure("", {panel}), "histograms of the angles of both kinds");
  return page.text();
}

}  // namespace sphereface
