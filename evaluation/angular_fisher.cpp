// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/angular_fisher.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <numeric>
#include <span>

#include "base/error.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "report/html_page.h"
#include "report/numbers.h"
#include "report/plot.h"
#include "report/text_table.h"

namespace sphereface {
namespace {

using Vector = std::vector<double>;

constexpr size_t kBins = 90;  // of two degrees

/// Means shorter than this, relative to the features they are of, are rounding.
constexpr double kZeroNorm = 1e-12;

struct Class {
  std::string name;
  std::vector<size_t> rows;
  Vector mean;  // made a unit vector
};

double normOf(std::span<const double> x) {
  double squares = 0;
  for (const double value : x)
    squares += value * value;
  return std::sqrt(squares);
}

/// Divides a mean by its length; `scale` is the length of what it is the mean of.
void makeUnit(Vector& mean, double scale, const std::string& name) {
  const double norm = normOf(mean);
  if (norm <= kZeroNorm * scale) throw Error(concat(name, " is zero and has no direction"));
  for (double& value : mean)
    value /= norm;
}

/// Independent partial sums let the compiler vectorise.
double cosine(std::span<const double> a, std::span<const double> b) {
  constexpr size_t kLanes = 16;
  std::array<double, kLanes> sums{};
  size_t k = 0;
  for (; k + kLanes <= a.size(); k += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane)
      sums[lane] += a[k + lane] * b[k + lane];
  }
  double sum = std::accumulate(sums.begin(), sums.end(), 0.0);
  for (; k < a.size(); ++k)
    sum += a[k] * b[k];
  return std::clamp(sum, -1.0, 1.0);
}

double degrees(double cosine) {
  return std::acos(cosine) * 180 / std::numbers::pi;
}

/// Angles of one kind, in degrees.
struct Angles {
  Angles(const char* of, const char* key, std::span<const double> angles)
      : kind(of),
        json_key(key),
        values(angles),
        spread(spreadOf(angles)),
        least(*std::min_element(angles.begin(), angles.end())),
        most(*std::max_element(angles.begin(), angles.end())) {}

  const char* kind;
  const char* json_key;
  std::span<const double> values;
  Spread spread;
  double least;
  double most;
};

std::vector<Angles> anglesOf(const AngularFisher& result) {
  return {{"image and mean of its class", "intra_class_degrees", result.intra_class},
          {"means of two classes", "inter_class_degrees", result.inter_class}};
}

/// Kind, mean, deviation, least and most of each.
std::vector<std::vector<std::string>> rowsOf(const AngularFisher& result) {
  std::vector<std::vector<std::string>> rows;
  for (const Angles& angles : anglesOf(result)) {
    rows.push_back({angles.kind, fixed(angles.spread.mean, 2), fixed(angles.spread.deviation, 2),
                    fixed(angles.least, 2), fixed(angles.most, 2)});
  }
  return rows;
}

}  // namespace

AngularFisher angularFisher(const FeatureSet& features, size_t threads) {
  std::vector<Class> classes;
  for (auto& [name, rows] : rowsOfClasses(features))
    classes.push_back({name, rows, {}});
  AngularFisher result;
  result.images = features.rows;
  result.classes = classes.size();
  if (classes.size() < 2) throw Error(concat("needs two classes or more, got ", classes.size()));
  if (classes.size() == features.rows) throw Error("no class has two features");

  Vector overall(features.dim, 0.0);
  double overall_scale = 0;
  std::vector<double> within(classes.size());
  std::vector<std::vector<double>> angles(classes.size());
  for (Class& one : classes) {
    one.mean.assign(features.dim, 0.0);
    double scale = 0;
    for (const size_t row : one.rows) {
      const Vector feature(features.row(row).begin(), features.row(row).end());
      scale += normOf(feature);
      for (size_t k = 0; k < features.dim; ++k)
        one.mean[k] += feature[k];
    }
    for (size_t k = 0; k < features.dim; ++k)
      overall[k] += one.mean[k];
    overall_scale += scale;
    makeUnit(one.mean, scale, concat("the mean of class ", one.name));
  }
  makeUnit(overall, overall_scale, "the mean of all features");
  parallelFor(classes.size(), threads, [&](size_t c) {
    const Class& one = classes[c];
    for (const size_t row : one.rows) {
      Vector feature(features.row(row).begin(), features.row(row).end());
      makeUnit(feature, 0, concat("feature ", row, " (", features.names[row], ")"));
      const double similar = cosine(feature, one.mean);
      within[c] += 1 - similar;
      if (one.rows.size() > 1) angles[c].push_back(degrees(similar));
    }
  });
  for (size_t c = 0; c < classes.size(); ++c) {
    result.within += within[c];
    result.between +=
        static_cast<double>(classes[c].rows.size()) * (1 - cosine(classes[c].mean, overall));
    result.intra_class.insert(result.intra_class.end(), angles[c].begin(), angles[c].end());
  }
  // What is left between equal means is rounding.
  constexpr double kLeastBetween = 1e-12;
  if (result.between <= kLeastBetween * static_cast<double>(features.rows)) {
    throw Error("the means of all classes have one direction: the features tell nobody apart");
  }
  result.score = result.within / result.between;
  // Written where they stay: of 30,000 classes they are 3.6 GB.
  const size_t count = classes.size();
  result.inter_class.resize(count * (count - 1) / 2);
  parallelFor(count, threads, [&](size_t c) {
    size_t place = c * (2 * count - c - 1) / 2;
    for (size_t other = c + 1; other < count; ++other)
      result.inter_class[place++] = degrees(cosine(classes[c].mean, classes[other].mean));
  });
  return result;
}

std::string fisherTable(const AngularFisher& result) {
  TextTable table({-30, 8, 10, 8, 8});
  for (std::vector<std::string>& row : rowsOf(result)) {
    row[0].insert(0, "  ");
    table.row(row);
  }
  return concat(result.images, " images of ", result.classes,
                " classes\n\n  angular Fisher score  ", fixed(result.score, 4), "   (within ",
                fixed(result.within, 2), ", between ", fixed(result.between, 2),
                "; lower is better)\n\n"
                "  angles in degrees               mean  deviation  least   most\n",
                table.text());
}

Json fisherJson(const AngularFisher& result, const FeatureSet& features) {
  Json json = {{"protocol", "angular-fisher"}, {"angular_fisher_score", result.score},
               {"within", result.within},      {"between", result.between},
               {"images", result.images},      {"classes", result.classes}};
  for (const Angles& angles : anglesOf(result)) {
    json[angles.json_key] = {{"mean", angles.spread.mean},
                             {"std", angles.spread.deviation},
                             {"min", angles.least},
                             {"max", angles.most},
                             {"count", angles.values.size()}};
  }
  json["feature_dim"] = features.dim;
  json["mirror"] = features.mirror;
  json["model_sha256"] = features.model_sha256;
  return json;
}

std::string fisherPage(const AngularFisher& result, const FeatureSet& features,
                       const std::string& label) {
  HtmlPage page("Angles within and between people", label);
  page.figures({{fixed(result.score, 4), "angular Fisher score, lower is better"}});
  page.heading("What was evaluated");
  page.facts(
      {{"features", concat(result.images, " of ", result.classes, " classes, ", features.dim,
                           " numbers, mirrored image: ", features.mirror)},
       {"model, SHA-256", orNotKnown(features.model_sha256)},
       {"within, between", concat(fixed(result.within, 2), ", ", fixed(result.between, 2))}});
  page.heading("Angles (degrees)");
  page.table({"between", "mean", "deviation", "least", "most"}, rowsOf(result));
  std::vector<LabelledValues> kinds;
  for (const Angles& angles : anglesOf(result))
    kinds.push_back({angles.kind, angles.values});
  const Panel panel = histogramPanel("angle (degrees)", "angles", kinds, kBins, Range{0, 180});
  page.picture(drawFigure("", {panel}), "histograms of the angles of both kinds");
  return page.text();
}

}  // namespace sphereface
