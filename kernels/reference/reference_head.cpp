// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/reference/reference_head.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <set>

#include "kernels/margin.h"

namespace sphereface::reference {
namespace {

using Type = HeadOptions::Type;
using Gradient = HeadOptions::Gradient;

double dot(const double* a, const double* b, int count) {
  return std::inner_product(a, a + count, b, 0.0);
}

void addScaled(double factor, const double* from, int count, double* to) {
  for (int k = 0; k < count; ++k)
    to[k] += factor * from[k];
}

template <class Matrix>
auto* row(Matrix& matrix, int index, int width) {
  return matrix.data() + static_cast<ptrdiff_t>(index) * width;
}

/// A logit f = value and its derivative: d f / d x = for_w w + for_x x, d f / d w = for_weight x.
struct Logit {
  double value = 0;
  double for_w = 1;
  double for_x = 0;
  double for_weight = 1;
};

Logit asoftmaxTarget(const HeadOptions& options, const HeadStep& step, double z, double norm) {
  if (step.margin == 1 || norm == 0) return {z, 1, 0, 1};
  const bool exact = options.gradient == Gradient::kExact;
  const double cosine = z / norm;
  const MarginValue<double> margin = targetMargin(options.type, step.margin, cosine);
  const double share = 1 / (1 + step.lambda);
  double a = margin.derivative;
  double b = (margin.psi - cosine * a) / norm;
  if (!exact) {
    const double length = std::sqrt(a * a + b * b);
    a /= length;
    b /= length;
  }
  const double for_w = (a + step.lambda) * share;
  return {(step.lambda * z + norm * margin.psi) * share, for_w, b * share, exact ? for_w : 1};
}

/// scale * margin(cos), through the normalisation of x: d cos / d x = (w - cos x / |x|) / |x|.
Logit cosineLogit(const HeadOptions& options, const HeadStep& step, double z, double norm,
                  bool target) {
  const double s = options.scale;
  if (norm == 0) {
    const bool part = options.type == Type::kSphereFaceR2 && !target;
    return {part ? s * fractionalCosine(step.margin, 0.0).psi : 0, 0, 0, 0};
  }
  const double cosine = z / norm;
  MarginValue<double> margin = {cosine, 1};
  if (target) margin = targetMargin(options.type, step.margin, cosine);
  if (!target && options.type == Type::kSphereFaceR2) {
    margin = fractionalCosine(step.margin, cosine);
  }
  if (options.gradient == Gradient::kDetached) margin.derivative = 1;
  const double slope = s * margin.derivative / norm;
  return {s * margin.psi, slope, -slope * cosine / norm, slope};
}

void addEnergy(const HeadOptions& options, const HeadInput& input, HeadOutput& out) {
  const int D = input.dim;
  const std::set<int> present(input.labels.begin(), input.labels.end());
  const auto n = static_cast<double>(present.size());
  if (n < 2) return;
  const double weight = input.batch * options.mhe_weight * 2 / (n * (n - 1));
  for (const int j : present) {
    for (const int k : present) {
      if (k <= j) continue;
      const double* wj = row(out.used_W, j, D);
      const double* wk = row(out.used_W, k, D);
      const double limit = 1 - 1e-5;
      const double plain = dot(wj, wk, D);
      const double theta = std::acos(std::clamp(plain, -limit, limit));
      out.mhe_sum += weight / (theta * theta);
      if (std::abs(plain) > limit) continue;
      const double slope = input.loss_scale * weight * 2 / (std::pow(theta, 3) * std::sin(theta));
      addScaled(slope, wk, D, row(out.dW, j, D));
      addScaled(-slope * plain, wj, D, row(out.dW, j, D));
      addScaled(slope, wj, D, row(out.dW, k, D));
      addScaled(-slope * plain, wk, D, row(out.dW, k, D));
    }
  }
  out.loss_sum += out.mhe_sum;
}

}  // namespace

HeadOutput head(const HeadOptions& options, const HeadInput& input) {
  const int B = input.batch;
  const int C = input.classes;
  const int D = input.dim;

  HeadOutput out;
  out.used_W = input.W;
  for (int j = 0; normalizesWeights(options.type) && j < C; ++j) {
    double* w = row(out.used_W, j, D);
    const double norm = std::sqrt(dot(w, w, D));
    for (int k = 0; norm > 0 && k < D; ++k)
      w[k] /= norm;
  }
  out.logits.resize(static_cast<size_t>(B) * static_cast<size_t>(C));
  out.dlogits = out.logits;
  out.dx.assign(input.x.size(), 0.0);
  out.dW.assign(input.W.size(), 0.0);

  for (int i = 0; i < B; ++i) {
    const double* x = row(input.x, i, D);
    const double norm = std::sqrt(dot(x, x, D));
    const int y = input.labels[static_cast<size_t>(i)];
    std::vector<Logit> logits;
    for (int j = 0; j < C; ++j) {
      const double z = dot(x, row(out.used_W, j, D), D);
      if (normalizesEmbedding(options.type)) {
        logits.push_back(cosineLogit(options, input.step, z, norm, j == y));
      } else if (options.type == Type::kASoftmax && j == y) {
        logits.push_back(asoftmaxTarget(options, input.step, z, norm));
      } else {
        logits.push_back({z, 1, 0, 1});
      }
    }
    double top = logits[0].value;
    for (const Logit& logit : logits)
      top = std::max(top, logit.value);
    double sum = 0;
    for (const Logit& logit : logits)
      sum += std::exp(logit.value - top);
    out.loss_sum += std::log(sum) + top - logits[static_cast<size_t>(y)].value;
    for (int j = 0; j < C; ++j) {
      const Logit& logit = logits[static_cast<size_t>(j)];
      const double g = input.loss_scale * (std::exp(logit.value - top) / sum - (j == y ? 1 : 0));
      row(out.logits, i, C)[j] = logit.value;
      row(out.dlogits, i, C)[j] = g;
      addScaled(g * logit.for_w, row(out.used_W, j, D), D, row(out.dx, i, D));
      addScaled(g * logit.for_x, x, D, row(out.dx, i, D));
      addScaled(g * logit.for_weight, x, D, row(out.dW, j, D));
    }
  }
  if (options.mhe_weight > 0) addEnergy(options, input, out);
  for (int j = 0; projectsGradient(options) && j < C; ++j) {
    const double* w = row(out.used_W, j, D);
    double* d = row(out.dW, j, D);
    addScaled(-dot(w, d, D), w, D, d);
  }
  return out;
}

}  // namespace sphereface::reference
