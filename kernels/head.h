// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The classification heads: logits with a margin, softmax cross-entropy and all gradients, as every
// backend computes them.
//
//   B images, D embedding dimension, C classes; x [B,D], W [C,D], row-major fp32.
//   w_j row of W, y the label, c_j = cos(theta_j) between x and w_j, m margin, s scale.
//
//   type             the label's logit                          the other classes'
//   SOFTMAX          x . w_y                                    x . w_j
//   A_SOFTMAX        (lambda |x| c_y + |x| psi_m(theta_y))      |x| c_j        SphereFace, eq. 6-7
//                      / (1 + lambda)   (|x| c_y for m = 1)                    with its annealing
//   NORMFACE         s c_y                                      s c_j
//   COSFACE          s (c_y - m)                                s c_j          CosFace, AM-Softmax
//   ARCFACE          s cos(theta_y + m)                         s c_j
//   SPHEREFACE_R_V1  s cos(min(m theta_y, pi))                  s c_j          SphereFace-R, hard
//   SPHEREFACE_R_V2  s c_y                                      s cos(theta_j / m)  normalisation
//
// All but SOFTMAX first rewrite every row of W to unit length, in the parameter itself; a row that
// is there to rounding stays. The margin functions are in kernels/margin.h. The loss is softmax
// cross-entropy, by log-sum-exp without a clamp. There is no bias. SphereFace-R's published
// division of the loss by s is left to the learning rate.
//
// Gradients, with g = d loss / d logit:
//   EXACT      the derivative in x, and in W on the unit sphere: in a row's length there is none.
//   DETACHED   characteristic gradient detachment: the same with d logit_j / d c_j = s for every
//              class, whatever the margin function's slope. Of the types that normalise x.
//   REFERENCE  A_SOFTMAX as published: in W simply sum_i g_ij x_i; in x the label's term
//              a w + b x (a = psi', b = (psi - a c)/|x|) divided by sqrt(a^2 + b^2).
//
// SphereFace+ adds mhe_weight * mean over the pairs of classes among the batch's labels of
// theta_jk^-2, the angle between w_j and w_k: a gradient of W alone.
//
// An embedding of length 0 has no angle: it gets no margin, its gradient through a normalisation is
// 0, and it is counted.

#pragma once

#include <cstdint>
#include <optional>

#include "kernels/host_device.h"

namespace sphereface {

struct HeadOptions {
  enum class Type {
    kASoftmax,
    kSoftmax,
    kNormFace,
    kCosFace,
    kArcFace,
    kSphereFaceR1,
    kSphereFaceR2
  };
  enum class Gradient { kReference, kExact, kDetached };

  Type type = Type::kASoftmax;
  Gradient gradient = Gradient::kReference;
  double scale = 30;      // s
  double mhe_weight = 0;  // 0: no such term
  // Compute the logits again for the gradients instead of keeping [B,C] of them. Not set: when they
  // would take more than 256 MiB.
  std::optional<bool> streaming = std::nullopt;
  // Of a head whose classes are spread over ranks: train this share of the classes in each pass,
  // the labels' own and a random choice of the others (Partial FC). 1: all.
  double sample_rate = 1;
};

/// What the schedule says for one pass.
struct HeadStep {
  double margin = 4;  // m
  double lambda = 0;  // A_SOFTMAX
  // Which classes a pass with sample_rate below 1 trains; a new number for each pass.
  uint64_t sample_key = 0;
};

/// Sums over the images of one pass.
struct HeadStats {
  double loss_sum = 0;  // cross-entropy and mhe_sum
  double mhe_sum = 0;   // B * mhe_weight * energy
  double target_cosine_sum = 0;
  int64_t correct = 0;      // no other class has a larger cosine (SOFTMAX: dot product)
  int64_t past_margin = 0;  // no other class has a larger logit than the label's with its margin
  int64_t zero_norm = 0;
};

/// A run of the classes.
struct ClassRange {
  int first = 0;
  int count = 0;

  SPHEREFACE_HOST_DEVICE bool has(int label) const {
    return label >= first && label < first + count;
  }
};

/// Their rows of W, and the rows' gradients, [range.count, dim].
struct ClassRows {
  ClassRange range;
  const float* W = nullptr;
  float* dW = nullptr;
};

/// The types whose logits are scaled cosines: x is normalised too.
SPHEREFACE_HOST_DEVICE constexpr bool normalizesEmbedding(HeadOptions::Type type) {
  return type != HeadOptions::Type::kASoftmax && type != HeadOptions::Type::kSoftmax;
}

/// The types whose W has rows of unit length.
constexpr bool normalizesWeights(HeadOptions::Type type) {
  return type != HeadOptions::Type::kSoftmax;
}

/// False where the gradient in W is left with its part along w_j.
constexpr bool projectsGradient(const HeadOptions& options) {
  return normalizesWeights(options.type) && options.gradient != HeadOptions::Gradient::kReference;
}

}  // namespace sphereface
