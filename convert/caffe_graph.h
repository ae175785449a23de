// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <string>

#include "kernels/network.h"
#include "proto/caffe.pb.h"

namespace sphereface {

/// Layers may have SphereFace's names and yet compute something else (no residuals, ReLU, batch
/// normalisation). Follows the net's blobs from its input to the embedding and compares what each
/// convolution, PReLU and addition takes, and the convolutions' parameters, with `network`. What
/// lies behind the embedding isn't looked at. A net that doesn't say what is connected (V1, or one
/// that has weights alone) passes. errors: Error naming net and layer, and what was expected.
void checkGraph(const caffe::NetParameter& net, const std::string& name, const Network& network);

}  // namespace sphereface
