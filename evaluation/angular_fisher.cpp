// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/angular_fisher.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>
#include <span>
#include <utility>

#include "base/error.h"
#include "base/parallel.h"
#include "evaluation/feature_classes.h"

namespace sphereface {
namespace {

using Vector = std::vector<double>;

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

double cosine(std::span<const double> a, std::span<const double> b) {
  double sum = 0;
  for (size_t k = 0; k < a.size(); ++k)
    sum += a[k] * b[k];
  return std::clamp(sum, -1.0, 1.0);
}

double degrees(double cosine) {
  return std::acos(cosine) * 180 / std::numbers::pi;
}

std::vector<Class> classesOf(const FeatureSet& features) {
  std::map<std::string, std::vector<size_t>> rows = rowsOfClasses(features);
  std::vector<Class> classes;
  classes.reserve(rows.size());
  for (auto& [name, members] : rows)
    classes.push_back({name, std::move(members), {}});
  return classes;
}

}  // namespace

AngularFisher angularFisher(const FeatureSet& features, size_t threads) {
  std::vector<Class> classes = classesOf(features);
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
    angles[c].clear();
  }
  result.score = result.within / result.between;
  parallelFor(classes.size(), threads, [&](size_t c) {
    for (size_t other = c + 1; other < classes.size(); ++other)
      angles[c].push_back(degrees(cosine(classes[c].mean, classes[other].mean)));
  });
  for (const std::vector<double>& some : angles)
    result.inter_class.insert(result.inter_class.end(), some.begin(), some.end());
  return result;
}

}  // namespace sphereface
