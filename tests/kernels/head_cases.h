// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Every head at margins that matter, and random inputs for them.

#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/random.h"
#include "kernels/head.h"
#include "kernels/reference/reference_head.h"

namespace sphereface::testing {

using Type = HeadOptions::Type;
using Gradient = HeadOptions::Gradient;

inline std::vector<double> randomValues(size_t count, Random& random) {
  std::vector<double> values(count);
  for (double& value : values)
    value = random.normal();
  return values;
}

inline reference::HeadInput randomInput(int batch, int dim, int classes, HeadStep step,
                                        uint64_t seed) {
  Random random(seed);
  reference::HeadInput input;
  input.batch = batch;
  input.dim = dim;
  input.classes = classes;
  input.step = step;
  input.loss_scale = 1.0 / batch;
  input.x = randomValues(static_cast<size_t>(batch) * static_cast<size_t>(dim), random);
  input.W = randomValues(static_cast<size_t>(classes) * static_cast<size_t>(dim), random);
  for (int i = 0; i < batch; ++i) {
    input.labels.push_back(static_cast<int>(random.below(static_cast<uint64_t>(classes))));
  }
  return input;
}

struct Head {
  std::string name;
  Type type;
  HeadStep step;
};

inline void PrintTo(const Head& head, std::ostream* out) {
  *out << head.name;
}

/// The gradients that a type has.
inline std::vector<Gradient> gradientsOf(Type type) {
  if (type == Type::kASoftmax) return {Gradient::kReference, Gradient::kExact};
  if (type == Type::kSoftmax) return {Gradient::kExact};
  return {Gradient::kExact, Gradient::kDetached};
}

inline const auto kCosineHeads = ::testing::Values(
    Head{"NormFace", Type::kNormFace, {}}, Head{"CosFace", Type::kCosFace, {0.35}},
    Head{"ArcFace", Type::kArcFace, {0.5}}, Head{"ArcFaceFallback", Type::kArcFace, {1.4}},
    Head{"SphereFaceR1", Type::kSphereFaceR1, {1.5}},
    Head{"SphereFaceR1Margin27", Type::kSphereFaceR1, {2.7}},
    Head{"SphereFaceR2", Type::kSphereFaceR2, {1.5}},
    Head{"SphereFaceR2Margin27", Type::kSphereFaceR2, {2.7}});
inline const auto kOtherHeads = ::testing::Values(
    Head{"ASoftmax1", Type::kASoftmax, {1, 5}}, Head{"ASoftmax2", Type::kASoftmax, {2, 5}},
    Head{"ASoftmax3", Type::kASoftmax, {3, 5}}, Head{"ASoftmax4", Type::kASoftmax, {4, 5}},
    Head{"ASoftmax4Pure", Type::kASoftmax, {4, 0}},
    Head{"ASoftmax4Annealed", Type::kASoftmax, {4, 76.9}}, Head{"Softmax", Type::kSoftmax, {}});

inline std::string nameOf(const ::testing::TestParamInfo<Head>& test) {
  return test.param.name;
}

}  // namespace sphereface::testing
