// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The heads of kernels/head.h again, in double precision and written to be read: what the fast ones
// are tested against. Itself tested by finite differences and the published layer's golden numbers.

#pragma once

#include <vector>

#include "kernels/head.h"

namespace sphereface::reference {

struct HeadInput {
  int batch = 0;
  int dim = 0;
  int classes = 0;
  HeadStep step;
  double loss_scale = 1;
  std::vector<double> x;  // [batch, dim]
  std::vector<double> W;  // [classes, dim], of any row length
  std::vector<int> labels;
};

struct HeadOutput {
  double loss_sum = 0;         // cross-entropy and MHE
  double mhe_sum = 0;          // batch * mhe_weight * energy
  std::vector<double> used_W;  // with rows of unit length, where the type wants them so
  std::vector<double> logits;  // with margin [batch, classes]
  std::vector<double> dlogits;
  std::vector<double> dx;
  // In the parameter as used: on the sphere, unless REFERENCE or SOFTMAX.
  std::vector<double> dW;
};

HeadOutput head(const HeadOptions& options, const HeadInput& input);

}  // namespace sphereface::reference
