// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What a head (kernels/head.h) computes once for an image, in one place for every backend: the
// label's logit, and, when the softmax's sum over the other classes is known, the loss and the
// factors that the gradients are made with. With z = x . w, or of unit x:
//
//   g_j   = factor exp(scale z_j - shift)    of every other class j
//   dW_y  takes for_w x,  dx takes for_x w_y + for_embedding x

#pragma once

#include <cstdint>

#include "kernels/fractional_cosine.h"
#include "kernels/head.h"
#include "kernels/margin.h"

namespace sphereface {

// A row this near to unit length is left as it is. Rounding the factor and the products can't take
// the square of a row just normalised further away, so that a second pass finds nothing to do: how
// many passes a step has, and so how many workers share it, leaves no trace in W.
constexpr double kUnitSquareError = 2.5e-7;

/// A head's type with what the schedule says of one pass.
struct HeadRule {
  HeadOptions::Type type = HeadOptions::Type::kASoftmax;
  HeadOptions::Gradient gradient = HeadOptions::Gradient::kReference;
  float scale = 1;  // of z in the logits
  double margin = 1;
  float lambda = 0;
  float loss_scale = 1;
  FractionalCosine fractional = {};  // SphereFace-R v2's

  SPHEREFACE_HOST_DEVICE bool isFractional() const {
    return type == HeadOptions::Type::kSphereFaceR2;
  }
};

inline HeadRule headRule(const HeadOptions& options, const HeadStep& step, float loss_scale) {
  HeadRule rule;
  rule.type = options.type;
  rule.gradient = options.gradient;
  rule.scale = normalizesEmbedding(options.type) ? static_cast<float>(options.scale) : 1.0F;
  rule.margin = step.margin;
  rule.lambda = static_cast<float>(step.lambda);
  rule.loss_scale = loss_scale;
  if (rule.isFractional()) rule.fractional = fitFractionalCosine(step.margin);
  return rule;
}

/// An image's label, where it is among the classes at hand.
struct HeadTarget {
  float product = 0;  // z of the label
  float cosine = 0;
  float logit = 0;  // with margin
};

/// z: of the label; norm: |x|; weights_norm: |w_y|, used of SOFTMAX.
SPHEREFACE_HOST_DEVICE inline HeadTarget headTarget(const HeadRule& rule, float z, float norm,
                                                    double weights_norm) {
  const bool zero = norm == 0;
  HeadTarget target = {z, z, rule.scale * z};
  if (rule.type == HeadOptions::Type::kASoftmax) {
    target.cosine = zero ? 0 : z / norm;
    if (rule.margin > 1 && !zero) {
      const float psi = targetMargin(rule.type, rule.margin, target.cosine).psi;
      target.logit = (rule.lambda * z + norm * psi) / (1 + rule.lambda);
    }
  } else if (rule.type == HeadOptions::Type::kSoftmax) {
    const double both = static_cast<double>(norm) * weights_norm;
    target.cosine = both == 0 ? 0 : static_cast<float>(z / both);
  } else if (!zero) {
    target.logit = rule.scale * targetMargin(rule.type, rule.margin, target.cosine).psi;
  }
  return target;
}

/// The largest logit of the classes but the label, and the sum of exp(logit - top) over them.
struct SoftmaxOthers {
  float top = 0;  // -infinity: there are none
  double sum = 0;
};

struct SoftmaxShift {
  float shift = 0;
  float factor = 0;
};

struct TargetGradient {
  float for_w = 0;
  float for_x = 0;
  float for_embedding = 0;
};

/// What an image adds to HeadStats.
struct ImageStats {
  double loss = 0;
  float cosine = 0;
  bool correct = false;
  bool past_margin = false;
  bool zero_norm = false;
};

/// One image's softmax over all classes.
struct ImageSoftmax {
  double shift = 0;
  double others = 0;  // sum over the other classes of exp(logit - shift): without the label, so
                      // that a probability close to 1 keeps its distance from it
  double own = 0;     // the label's
};

SPHEREFACE_HOST_DEVICE inline ImageSoftmax imageSoftmax(const SoftmaxOthers& others, float target) {
  ImageSoftmax s;
  s.shift = others.top > target ? others.top : target;
  s.others = others.sum * std::exp(static_cast<double>(others.top) - s.shift);
  s.own = std::exp(static_cast<double>(target) - s.shift);
  return s;
}

SPHEREFACE_HOST_DEVICE inline SoftmaxShift softmaxShift(const HeadRule& rule,
                                                        const ImageSoftmax& s) {
  return {static_cast<float>(s.shift),
          static_cast<float>(rule.loss_scale * rule.scale / (s.others + s.own))};
}

/// requires: the label is among the classes at hand.
SPHEREFACE_HOST_DEVICE inline ImageStats imageStats(const HeadRule& rule, const ImageSoftmax& s,
                                                    const SoftmaxOthers& others,
                                                    const HeadTarget& target, float norm) {
  ImageStats stats;
  stats.loss = (s.own == 1 ? std::log1p(s.others) : std::log(s.others + s.own)) +
               (s.shift - static_cast<double>(target.logit));
  stats.cosine = target.cosine;
  const float plain =
      rule.isFractional() ? fractionalCosine(rule.fractional, target.cosine).psi : target.product;
  stats.correct = rule.scale * plain >= others.top;
  stats.past_margin = target.logit >= others.top;
  stats.zero_norm = norm == 0;
  return stats;
}

/// requires: the label is among the classes at hand.
SPHEREFACE_HOST_DEVICE inline TargetGradient targetGradient(const HeadRule& rule,
                                                            const ImageSoftmax& s,
                                                            const HeadTarget& target, float norm) {
  const auto g = static_cast<float>(-rule.loss_scale * s.others / (s.others + s.own));
  TargetGradient out = {g * rule.scale, g * rule.scale, 0};
  const bool has_margin = norm != 0 && rule.gradient != HeadOptions::Gradient::kDetached;
  if (rule.type == HeadOptions::Type::kASoftmax && rule.margin > 1 && has_margin) {
    const MarginValue<float> margin = targetMargin(rule.type, rule.margin, target.cosine);
    const float share = g / (1 + rule.lambda);
    float a = margin.derivative;
    float b = (margin.psi - target.cosine * a) / norm;
    if (rule.gradient == HeadOptions::Gradient::kReference) {
      const float length = std::sqrt(a * a + b * b);
      a /= length;
      b /= length;
    } else {
      out.for_w = (a + rule.lambda) * share;
    }
    out.for_x = (a + rule.lambda) * share;
    out.for_embedding = b * share;
  } else if (normalizesEmbedding(rule.type) && has_margin) {
    out.for_w *= targetMargin(rule.type, rule.margin, target.cosine).derivative;
    out.for_x = out.for_w;
  }
  return out;
}

}  // namespace sphereface
