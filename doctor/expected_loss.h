// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The loss a head has before anything is learnt, when a face's feature has no relation to the
// classes' weights. The cosine between two directions of D dimensions is then nearly normal, mean 0
// and variance 1/D, so with z the label's logit and f the others'
//
//   loss = ln(e^z + (C-1) E[e^f]) - z
//
// For plain softmax that is ln C, as every textbook says, as long as features are short; a scale s
// adds about s^2 / 2D, and a margin what it takes from the label's logit: s m for CosFace,
// s sin m for ArcFace, |x| (m-1) / (1+lambda) for A-Softmax.

#pragma once

#include <cstddef>
#include <span>

#include "kernels/head.h"

namespace sphereface::doctor {

struct ExpectedLoss {
  double mean = 0;    // of one image
  double margin = 0;  // what of it the margin makes
  double spread = 0;  // standard deviation of the mean over a batch
};

/// `lengths`: 2-norms of the batch's features. requires: classes > 1, at least one length.
ExpectedLoss expectedLoss(const HeadOptions& options, const HeadStep& step, size_t classes,
                          int embedding, std::span<const double> lengths);

}  // namespace sphereface::doctor
