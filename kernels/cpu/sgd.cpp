// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/cpu/sgd.h"

#include <algorithm>
#include <array>

#include "base/target_clones.h"

namespace sphereface {
namespace {

// The sum of squares is taken in so many pieces at most and added in order: the same for every
// number of threads.
constexpr size_t kPieces = 512;
constexpr size_t kSmallestPiece = 1 << 14;

SPHEREFACE_TARGET_CLONES double updatePiece(size_t count, float rate, float momentum,
                                            float weight_decay, float scale, float* parameters,
                                            const float* gradients, float* velocity) {
  double squares = 0;
#pragma omp simd reduction(+ : squares)
  for (size_t k = 0; k < count; ++k) {
    const float g = gradients[k];
    squares += static_cast<double>(g) * g;
    const float v = momentum * velocity[k] + rate * (scale * g + weight_decay * parameters[k]);
    velocity[k] = v;
    parameters[k] -= v;
  }
  return squares;
}

SPHEREFACE_TARGET_CLONES double squaresOfPiece(size_t count, const float* values) {
  double squares = 0;
#pragma omp simd reduction(+ : squares)
  for (size_t k = 0; k < count; ++k)
    squares += static_cast<double>(values[k]) * values[k];
  return squares;
}

/// Sum of what piece(begin, count) returns for each piece of [0, count).
template <class Piece>
double sumOverPieces(size_t count, const Piece& piece) {
  std::array<double, kPieces> sums;
  const size_t size = std::max(kSmallestPiece, (count + kPieces - 1) / kPieces);
  const auto pieces = static_cast<ptrdiff_t>((count + size - 1) / size);
#pragma omp parallel for
  for (ptrdiff_t i = 0; i < pieces; ++i) {
    const size_t begin = static_cast<size_t>(i) * size;
    sums[static_cast<size_t>(i)] = piece(begin, std::min(size, count - begin));
  }
  double sum = 0;
  for (ptrdiff_t i = 0; i < pieces; ++i)
    sum += sums[static_cast<size_t>(i)];
  return sum;
}

}  // namespace

double sgdUpdate(size_t count, float rate, float momentum, float weight_decay, float scale,
                 float* parameters, const float* gradients, float* velocity) {
  return sumOverPieces(count, [=](size_t begin, size_t length) {
    return updatePiece(length, rate, momentum, weight_decay, scale, parameters + begin,
                       gradients + begin, velocity + begin);
  });
}

double sumOfSquares(size_t count, const float* values) {
  return sumOverPieces(
      count, [=](size_t begin, size_t length) { return squaresOfPiece(length, values + begin); });
}

}  // namespace sphereface
