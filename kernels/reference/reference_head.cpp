// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/reference/reference_head.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>

#include "kernels/margin.h"

namespace sphereface::reference {
namespace {

double dot(const double* a, const double* b, int count) {
  return std::inner_product(a, a + count, b, 0.0);
}

void addScaled(double factor, const double* from, int count, double* to) {
  for (int k = 0; k < count; ++k)
    to[k] += factor * from[k];
}

}  // namespace

HeadOutput head(const HeadOptions& options, const HeadInput& input) {
  const int B = input.batch;
  const int C = input.classes;
  const int D = input.dim;
  const bool exact = options.gradient == HeadOptions::Gradient::kExact;
  auto row = [](auto& matrix, int index, int width) {
    return matrix.data() + static_cast<ptrdiff_t>(index) * width;
  };

  HeadOutput out;
  out.unit_W = input.W;
  for (int j = 0; j < C; ++j) {
    double* w = row(out.unit_W, j, D);
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
    double* f = row(out.logits, i, C);
    double* g = row(out.dlogits, i, C);
    const int y = input.labels[static_cast<size_t>(i)];
    for (int j = 0; j < C; ++j)
      f[j] = dot(x, row(out.unit_W, j, D), D);

    // The target: d f_y / dx = for_w w_y + for_x x, d f_y / dw_y = for_w x.
    double for_w = 1;
    double for_x = 0;
    const double norm = std::sqrt(dot(x, x, D));
    if (options.margin > 1 && norm > 0) {
      const double cosine = f[y] / norm;
      const MarginValue<double> margin = sphereMargin(options.margin, cosine);
      const double share = 1 / (1 + input.lambda);
      double a = margin.derivative;
      double b = (margin.psi - cosine * a) / norm;
      if (!exact) {
        const double length = std::sqrt(a * a + b * b);
        a /= length;
        b /= length;
      }
      for_w = (a + input.lambda) * share;
      for_x = b * share;
      f[y] = (input.lambda * f[y] + norm * margin.psi) * share;
    }

    const double top = *std::max_element(f, f + C);
    double sum = 0;
    for (int j = 0; j < C; ++j)
      sum += std::exp(f[j] - top);
    out.loss_sum += std::log(sum) + top - f[y];
    for (int j = 0; j < C; ++j) {
      g[j] = input.loss_scale * (std::exp(f[j] - top) / sum - (j == y ? 1 : 0));
      const bool target = j == y;
      addScaled(g[j] * (target ? for_w : 1), row(out.unit_W, j, D), D, row(out.dx, i, D));
      addScaled(g[j] * (target && exact ? for_w : 1), x, D, row(out.dW, j, D));
    }
    addScaled(g[y] * for_x, x, D, row(out.dx, i, D));
  }
  for (int j = 0; exact && j < C; ++j) {
    const double* w = row(out.unit_W, j, D);
    double* d = row(out.dW, j, D);
    addScaled(-dot(w, d, D), w, D, d);
  }
  return out;
}

}  // namespace sphereface::reference
