// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The classification head: logits, margin, softmax cross-entropy and all gradients.
//
//   B images, D embedding dimension, C classes; x [B,D], W [C,D], row-major fp32.
//
// A-Softmax (SphereFace, eq. 6-7, with the published annealing): every row of W is first rewritten
// to unit length, in the parameter itself. z_ij = x_i . w_j; the target logit becomes
//   f_iy = (lambda z_iy + |x_i| psi_m(theta_iy)) / (1 + lambda)      (m >= 2; plain z_iy for m = 1)
// and the loss is softmax cross-entropy, computed by log-sum-exp without a clamp.
//
// Gradients, with g = d loss / d logits:
//   EXACT      the derivative of the above in x, and in W on the unit sphere (projected).
//   REFERENCE  the published code's: in W simply sum_i g_ij x_i; in x the target's
//              a w + b x (a = psi', b = (psi - a c)/|x|) divided by sqrt(a^2 + b^2).
// An embedding of length 0 has no angle: it gets no margin, and is counted.

#pragma once

#include <cstdint>

namespace sphereface {

struct HeadOptions {
  enum class Gradient { kReference, kExact };

  int margin = 4;  // m, 1..4
  Gradient gradient = Gradient::kReference;
};

/// Sums over the images of one pass.
struct HeadStats {
  double loss_sum = 0;
  double target_cosine_sum = 0;
  int64_t correct = 0;  // largest plain logit z is the target's
  int64_t zero_norm = 0;
};

struct HeadPass {
  int batch = 0;
  int dim = 0;
  int classes = 0;
  double lambda = 0;
  // d(total loss)/d(loss of one image): 1 / (global batch * iter_size) for the mean.
  float loss_scale = 1;
  const float* x = nullptr;
  float* W = nullptr;  // rows are normalised in place
  const int32_t* labels = nullptr;
  float* logits = nullptr;  // [B,C]; left holding g, with the target's margin factor for x
  float* dx = nullptr;      // [B,D], overwritten
  float* dW = nullptr;      // [C,D]
  bool accumulate = false;  // add to dW instead of overwriting it
};

/// requires: 0 <= labels[i] < classes.
HeadStats headForwardBackward(const HeadOptions& options, const HeadPass& pass);

/// Scales each row of a [rows, dim] matrix to unit length; rows of length 0 stay.
void normalizeRows(float* matrix, int rows, int dim);

}  // namespace sphereface
