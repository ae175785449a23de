// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Runs the CPU's head on the reference's input.

#pragma once

#include <vector>

#include "kernels/cpu/cpu_head.h"
#include "kernels/reference/reference_head.h"

namespace sphereface::testing {

struct FastOutput {
  HeadStats stats;
  std::vector<float> used_W;
  std::vector<float> dx;
  std::vector<float> dW;
};

inline FastOutput runFast(const HeadOptions& options, const reference::HeadInput& input,
                          const std::vector<float>& before = {}) {
  FastOutput out;
  const std::vector<float> x(input.x.begin(), input.x.end());
  out.used_W.assign(input.W.begin(), input.W.end());
  out.dx.resize(x.size());
  out.dW = before;
  out.dW.resize(out.used_W.size());
  const std::vector<int32_t> labels(input.labels.begin(), input.labels.end());
  HeadWorkspace workspace(options, input.batch, input.dim, input.classes);
  HeadPass pass;
  pass.batch = input.batch;
  pass.dim = input.dim;
  pass.classes = input.classes;
  pass.step = input.step;
  pass.loss_scale = static_cast<float>(input.loss_scale);
  pass.x = x.data();
  pass.W = out.used_W.data();
  pass.labels = labels.data();
  pass.dx = out.dx.data();
  pass.dW = out.dW.data();
  pass.accumulate = !before.empty();
  out.stats = headForwardBackward(options, pass, workspace);
  return out;
}

}  // namespace sphereface::testing
