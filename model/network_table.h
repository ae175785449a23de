// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The SphereFace networks as a table: four stages of 64, 128, 256, 512 channels, each a stride-2
// convolution followed by residual units of two convolutions, then fc. Names, fillers,
// learning-rate and decay multipliers as in the published training prototxt.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/network.h"

namespace sphereface {

/// A stride-2 convolution and residual units after it.
struct StageRow {
  int channels = 0;
  int units = 0;
};

struct NetworkTable {
  std::string name;  // of a known network, or "custom"
  int height = 112;
  int width = 96;
  int embedding = 512;
  std::vector<StageRow> stages = {};  // of a custom one
};

/// errors: UsageError for an unknown name (listing the known ones) or an impossible custom table.
Network buildNetwork(const NetworkTable& table);

/// "sphereface-4", "sphereface-10", ...
std::vector<std::string> knownNetworkNames();
/// The same in one line, with commas.
std::string knownNetworks();

/// Multiply-adds of one image's forward pass: a convolution's, and the whole network's without a
/// head.
uint64_t multiplyAdds(const ConvLayer& conv);
uint64_t multiplyAdds(const Network& network);

/// A convolution with its PReLU and residual, the fc layer, or the head.
struct LayerRow {
  std::string name;  // "conv2_3", "fc5", "head"
  std::string kind;  // "3x3 /2, PReLU", "3x3, PReLU, + conv2_1", "fc", "classifier"
  int channels = 0;  // of the output
  int height = 1;
  int width = 1;
  size_t parameters = 0;       // weights, biases (also those that aren't trained), slopes
  uint64_t multiply_adds = 0;  // forward, an image
  // Floats that stand between the elementary operations of an image's forward pass: the outputs of
  // convolution, PReLU and residual addition.
  size_t activations = 0;
};

/// The network from the image to the embedding and, with classes > 0, the head.
std::vector<LayerRow> layerTable(const Network& network, size_t classes);

}  // namespace sphereface
