// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The SphereFace networks as a table: four stages of 64, 128, 256, 512 channels, each a stride-2
// convolution followed by residual units of two convolutions, then fc. Names, fillers,
// learning-rate and decay multipliers as in the published training prototxt.

#pragma once

#include "kernels/network.h"
#include "proto/config.pb.h"

namespace sphereface {

/// errors: UsageError for an unknown name (listing the known ones) or an impossible custom table.
Network buildNetwork(const NetworkConfig& config);

/// "sphereface-4, sphereface-10, ..."
std::string knownNetworks();

/// Multiply-adds of one image's forward pass, head excluded.
uint64_t multiplyAdds(const Network& network);

}  // namespace sphereface
