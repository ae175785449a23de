// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/activation_buffers.h"

#include <algorithm>
#include <array>

#include "base/error.h"

namespace sphereface {

std::vector<int> planOutputs(const Network& network) {
  const size_t layers = network.convs.size();
  std::vector<int> slots;
  for (size_t i = 0; i < layers; ++i) {
    // Still needed: the previous layer's, and the one a residual of this layer or of a later one
    // still reads.
    std::array<bool, kSharedBuffers> taken = {};
    if (i > 0) taken.at(static_cast<size_t>(slots[i - 1])) = true;
    for (size_t later = i; later < layers; ++later) {
      const int from = network.convs[later].residual_from;
      if (from >= 0 && static_cast<size_t>(from) < i) {
        taken.at(static_cast<size_t>(slots[static_cast<size_t>(from)])) = true;
      }
    }
    slots.push_back(static_cast<int>(std::find(taken.begin(), taken.end(), false) - taken.begin()));
  }
  return slots;
}

std::vector<GradientFlow> planGradients(const Network& network) {
  const size_t layers = network.convs.size();
  std::vector<bool> has_branch(layers);
  for (const ConvLayer& layer : network.convs) {
    if (layer.residual_from >= 0) has_branch[static_cast<size_t>(layer.residual_from)] = true;
  }
  auto other = [](int a, int b) {  // than these two
    int index = 0;
    while (index == a || index == b)
      ++index;
    return index;
  };
  std::vector<GradientFlow> plan(layers);
  int current = 0;
  int branch = -1;
  for (size_t i = layers; i-- > 0;) {
    GradientFlow& flow = plan[i];
    const bool residual = network.convs[i].residual_from >= 0;
    if (branch >= 0 && residual && !has_branch[i]) {
      throw Error(concat("network ", network.name, ": ", network.convs[i].name,
                         " ends a residual unit inside another, which can't be trained"));
    }
    flow.grad = current;
    flow.dpre = current;
    if (has_branch[i]) flow.branch = branch;
    if (residual && !has_branch[i]) {
      // The incoming gradient itself stays for the skip.
      flow.dpre = other(current, -1);
      branch = current;
    } else if (!residual && has_branch[i]) {
      branch = -1;
    }
    current = other(flow.dpre, branch);
  }
  return plan;
}

}  // namespace sphereface
