// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The three networks of MTCNN. Their weights are the published det1..3.caffemodel, or the same
// numbers as {p,r,o}net.onnx (data/align/mtcnn_weights.h).
//
// The published networks see transposed images (Matlab's column order handed to Caffe's rows).
// Here the kernels are transposed at loading instead, so that maps are indexed as the image is.

#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "data/align/small_network.h"

namespace sphereface {

/// Convolutions in order; after convolution i follows a max pooling of pool[i] (size, stride),
/// unless size is 0. The last layer holds all heads, side by side.
struct MtcnnNetwork {
  struct Pool {
    int size = 0;
    int stride = 0;
  };
  std::vector<ConvolutionLayer> layers;
  std::vector<Pool> pools;
};

/// Output channels of the last layer of all three networks.
enum MtcnnOutput {
  kOutputBackground = 0,  // logits of a softmax over two
  kOutputFace = 1,
  kOutputRegression = 2,  // 4 channels
  kOutputLandmarks = 6,   // O-Net alone: 5 x, 5 y
};

/// Read-only after loading, so shared by all threads.
struct MtcnnNetworks {
  static constexpr int kProposalSize = 12;
  static constexpr int kRefinementSize = 24;
  static constexpr int kOutputSize = 48;

  MtcnnNetwork proposal;    // P-Net, for any size from 12x12 on: one output cell every 2 pixels
  MtcnnNetwork refinement;  // R-Net, 24x24
  MtcnnNetwork output;      // O-Net, 48x48
};

/// Reads the three networks from `folder`: det1..3.caffemodel if one of them is there, else
/// {p,r,o}net.onnx. Both give the same bits.
/// errors: Error naming the file that is missing, unreadable or not the expected network.
MtcnnNetworks loadMtcnn(const std::filesystem::path& folder);

/// Input: 3 channels R, G, B, as (value - 127.5) / 128. Returns the heads' raw output, which stays
/// valid until this thread's next call.
const FeatureMap& forward(const MtcnnNetwork& network, const FeatureMap& input);

/// Softmax of (background, face), the probability of face.
float faceProbability(float background, float face);

}  // namespace sphereface
