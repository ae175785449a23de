// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "doctor/expected_loss.h"

#include <algorithm>
#include <cmath>

#include "kernels/margin.h"

namespace sphereface::doctor {
namespace {

using Type = HeadOptions::Type;

double targetLogit(const HeadOptions& options, const HeadStep& step, double length, double cosine) {
  if (options.type == Type::kSoftmax) return length * cosine;
  const double margin = targetMargin(options.type, step.margin, cosine).psi;
  if (options.type != Type::kASoftmax) return options.scale * margin;
  return length * (step.lambda * cosine + margin) / (1 + step.lambda);
}

double otherLogit(const HeadOptions& options, const HeadStep& step, double length, double cosine) {
  if (!normalizesEmbedding(options.type)) return length * cosine;
  if (options.type != Type::kSphereFaceR2) return options.scale * cosine;
  return options.scale * fractionalCosine(step.margin, cosine).psi;
}

/// Mean and variance of value(c) for c of mean 0 and standard deviation `sigma`.
struct Moments {
  double mean = 0;
  double variance = 0;
};
template <class Value>
Moments momentsOf(double sigma, Value value) {
  constexpr int kPoints = 401;
  constexpr double kReach = 6;
  double weights = 0;
  double sum = 0;
  double squares = 0;
  for (int i = 0; i < kPoints; ++i) {
    const double t = kReach * (2.0 * i / (kPoints - 1) - 1);
    const double weight = std::exp(-0.5 * t * t);
    const double v = value(std::clamp(sigma * t, -1.0, 1.0));
    weights += weight;
    sum += weight * v;
    squares += weight * v * v;
  }
  const double mean = sum / weights;
  return {mean, std::max(0.0, squares / weights - mean * mean)};
}

/// The step with which the head has no margin.
HeadStep withoutMargin(const HeadOptions& options, HeadStep step) {
  step.margin = options.type == Type::kCosFace || options.type == Type::kArcFace ? 0 : 1;
  return step;
}

/// Expectations of one image. Variances are those of the label's logit, and of the logarithm of the
/// sum over the classes.
struct ImageLoss {
  double mean = 0;
  double label_variance = 0;
  double sum_variance = 0;
};

ImageLoss lossOf(const HeadOptions& options, const HeadStep& step, size_t classes, double sigma,
                 double length) {
  // Relative to a large one, as e^f alone may be beyond a double.
  const double top = otherLogit(options, step, length, std::min(1.0, 6 * sigma));
  const Moments label =
      momentsOf(sigma, [&](double c) { return targetLogit(options, step, length, c); });
  const Moments others = momentsOf(
      sigma, [&](double c) { return std::exp(otherLogit(options, step, length, c) - top); });
  const double count = static_cast<double>(classes) - 1;
  const double sum = std::exp(label.mean - top) + count * others.mean;
  return {std::log(sum) + top - label.mean, label.variance,
          others.variance / (count * others.mean * others.mean)};
}

}  // namespace

ExpectedLoss expectedLoss(const HeadOptions& options, const HeadStep& step, size_t classes,
                          int embedding, std::span<const double> lengths) {
  const double sigma = 1 / std::sqrt(static_cast<double>(embedding));
  const auto n = static_cast<double>(lengths.size());
  ExpectedLoss result;
  double variance = 0;
  for (const double length : lengths) {
    const ImageLoss loss = lossOf(options, step, classes, sigma, length);
    const ImageLoss plain = lossOf(options, withoutMargin(options, step), classes, sigma, length);
    result.mean += loss.mean / n;
    result.margin += (loss.mean - plain.mean) / n;
    // An untrained network maps all faces to nearly one direction: they share the sum over the
    // classes, but each has a label of its own.
    variance += (loss.label_variance / n + loss.sum_variance) / n;
  }
  result.spread = std::sqrt(variance);
  return result;
}

}  // namespace sphereface::doctor
