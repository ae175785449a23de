// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/head.h"

#include <cmath>
#include <cstddef>
#include <vector>

#include "base/target_clones.h"
#include "kernels/cpu/onednn.h"
#include "kernels/margin.h"

namespace sphereface {
namespace {

/// What one row of logits leaves behind.
struct Row {
  double loss = 0;
  double target_cosine = 0;
  bool correct = false;
  bool zero_norm = false;
  // dx_i takes target_factor * g_iy * w_y + embedding_factor * x_i for its target.
  float target_factor = 1;
  float embedding_factor = 0;
};

SPHEREFACE_TARGET_CLONES float sumOfSquares(const float* values, int count) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int k = 0; k < count; ++k)
    sum += values[k] * values[k];
  return sum;
}

SPHEREFACE_TARGET_CLONES void scaleBy(float factor, float* values, int count) {
  for (int k = 0; k < count; ++k)
    values[k] *= factor;
}

SPHEREFACE_TARGET_CLONES float largest(const float* values, int count) {
  float result = values[0];
#pragma omp simd reduction(max : result)
  for (int k = 0; k < count; ++k)
    result = values[k] > result ? values[k] : result;
  return result;
}

/// Turns a row of logits z into g = loss_scale (softmax(f) - onehot), with f the margin logits.
Row softmaxRow(const HeadOptions& options, const HeadPass& pass, int i) {
  Row row;
  float* z = pass.logits + static_cast<ptrdiff_t>(i) * pass.classes;
  const float* x = pass.x + static_cast<ptrdiff_t>(i) * pass.dim;
  const int target = pass.labels[i];
  const float norm = std::sqrt(sumOfSquares(x, pass.dim));
  row.zero_norm = !(norm > 0);
  row.correct = z[target] >= largest(z, pass.classes);

  const float cosine = row.zero_norm ? 0.0F : z[target] / norm;
  row.target_cosine = cosine;
  float embedding_term = 0;
  if (options.margin > 1 && !row.zero_norm) {
    const MarginValue<float> margin = sphereMargin(options.margin, cosine);
    const auto lambda = static_cast<float>(pass.lambda);
    const float share = 1.0F / (1.0F + lambda);
    z[target] = (lambda * z[target] + norm * margin.psi) * share;
    float a = margin.derivative;
    float b = (margin.psi - cosine * a) / norm;
    if (options.gradient == HeadOptions::Gradient::kReference) {
      const float length = std::sqrt(a * a + b * b);
      a /= length;
      b /= length;
    }
    row.target_factor = (a + lambda) * share;
    embedding_term = b * share;
  }

  const float top = largest(z, pass.classes);
  double sum = 0;
  for (int j = 0; j < pass.classes; ++j) {
    const double shifted = z[j] - top;
    if (j == target) row.loss = -shifted;
    const auto e = std::exp(static_cast<float>(shifted));
    z[j] = e;
    sum += e;
  }
  row.loss += std::log(sum);
  scaleBy(static_cast<float>(pass.loss_scale / sum), z, pass.classes);
  z[target] -= pass.loss_scale;
  row.embedding_factor = embedding_term * z[target];
  return row;
}

/// dW_j, the derivative in a unit row, becomes the derivative on the sphere: its part along w_j
/// does nothing and is removed.
void projectOnSphere(const float* W, int classes, int dim, float* dW) {
#pragma omp parallel for
  for (int j = 0; j < classes; ++j) {
    const float* w = W + static_cast<ptrdiff_t>(j) * dim;
    float* d = dW + static_cast<ptrdiff_t>(j) * dim;
    float along = 0;
#pragma omp simd reduction(+ : along)
    for (int k = 0; k < dim; ++k)
      along += w[k] * d[k];
    for (int k = 0; k < dim; ++k)
      d[k] -= along * w[k];
  }
}

}  // namespace

void normalizeRows(float* matrix, int rows, int dim) {
#pragma omp parallel for
  for (int j = 0; j < rows; ++j) {
    float* row = matrix + static_cast<ptrdiff_t>(j) * dim;
    const float norm = std::sqrt(sumOfSquares(row, dim));
    if (norm > 0) scaleBy(1.0F / norm, row, dim);
  }
}

HeadStats headForwardBackward(const HeadOptions& options, const HeadPass& pass) {
  const int B = pass.batch;
  const int C = pass.classes;
  const int D = pass.dim;
  normalizeRows(pass.W, C, D);
  onednn::gemm('N', 'T', B, C, D, pass.x, D, pass.W, D, 0.0F, pass.logits, C);

  std::vector<Row> rows(static_cast<size_t>(B));
#pragma omp parallel for
  for (int i = 0; i < B; ++i)
    rows[static_cast<size_t>(i)] = softmaxRow(options, pass, i);

  // The reference's weight gradient knows no margin, so it is taken before the targets' factors.
  const bool exact = options.gradient == HeadOptions::Gradient::kExact;
  auto weight_gradient = [&](float* to, float keep) {
    onednn::gemm('T', 'N', C, D, B, pass.logits, C, pass.x, D, keep, to, D);
  };
  if (!exact) weight_gradient(pass.dW, pass.accumulate ? 1.0F : 0.0F);
  for (int i = 0; i < B; ++i) {
    pass.logits[static_cast<ptrdiff_t>(i) * C + pass.labels[i]] *=
        rows[static_cast<size_t>(i)].target_factor;
  }
  if (exact && !pass.accumulate) {
    weight_gradient(pass.dW, 0.0F);
    projectOnSphere(pass.W, C, D, pass.dW);
  } else if (exact) {
    std::vector<float> own(static_cast<size_t>(C) * static_cast<size_t>(D));
    weight_gradient(own.data(), 0.0F);
    projectOnSphere(pass.W, C, D, own.data());
    for (size_t k = 0; k < own.size(); ++k)
      pass.dW[k] += own[k];
  }
  onednn::gemm('N', 'N', B, D, C, pass.logits, C, pass.W, D, 0.0F, pass.dx, D);

  HeadStats stats;
  for (int i = 0; i < B; ++i) {
    const Row& row = rows[static_cast<size_t>(i)];
    stats.loss_sum += row.loss;
    stats.target_cosine_sum += row.target_cosine;
    stats.correct += row.correct ? 1 : 0;
    stats.zero_norm += row.zero_norm ? 1 : 0;
    for (int k = 0; k < D; ++k) {
      const ptrdiff_t at = static_cast<ptrdiff_t>(i) * D + k;
      pass.dx[at] += row.embedding_factor * pass.x[at];
    }
  }
  return stats;
}

}  // namespace sphereface
