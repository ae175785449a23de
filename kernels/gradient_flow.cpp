// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/gradient_flow.h"

#include "base/error.h"

namespace sphereface {

std::vector<GradientFlow> planGradientFlow(const Network& network) {
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
