// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/align/mtcnn_networks.h"

#include <array>
#include <cmath>

#include "base/atomic_file.h"
#include "base/error.h"
#include "data/align/mtcnn_weights.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kLargestFile = 64U << 20;  // the largest network has 1.6 MB

const std::array<MtcnnTable, 3>& tables() {
  static const std::array<MtcnnTable, 3> kTables = {{
      {"P-Net",
       "det1.caffemodel",
       "pnet.onnx",
       MtcnnNetworks::kProposalSize,
       {{3, 3, false, {{"conv1", 10}}, "PReLU1", 2, 2},
        {10, 3, false, {{"conv2", 16}}, "PReLU2"},
        {16, 3, false, {{"conv3", 32}}, "PReLU3"},
        {32, 1, false, {{"conv4-1", 2}, {"conv4-2", 4}}}}},
      {"R-Net",
       "det2.caffemodel",
       "rnet.onnx",
       MtcnnNetworks::kRefinementSize,
       {{3, 3, false, {{"conv1", 28}}, "prelu1", 3, 2},
        {28, 3, false, {{"conv2", 48}}, "prelu2", 3, 2},
        {48, 2, false, {{"conv3", 64}}, "prelu3"},
        {64, 3, true, {{"conv4", 128}}, "prelu4"},
        {128, 1, true, {{"conv5-1", 2}, {"conv5-2", 4}}}}},
      {"O-Net",
       "det3.caffemodel",
       "onet.onnx",
       MtcnnNetworks::kOutputSize,
       {{3, 3, false, {{"conv1", 32}}, "prelu1", 3, 2},
        {32, 3, false, {{"conv2", 64}}, "prelu2", 3, 2},
        {64, 3, false, {{"conv3", 64}}, "prelu3", 2, 2},
        {64, 2, false, {{"conv4", 128}}, "prelu4"},
        {128, 3, true, {{"conv5", 256}}, "prelu5"},
        {256, 1, true, {{"conv6-1", 2}, {"conv6-2", 4}, {"conv6-3", 10}}}}},
  }};
  return kTables;
}

/// The layer with all its parts side by side, kernels transposed.
ConvolutionLayer makeLayer(const MtcnnLayerTable& table, const MtcnnLayerWeights& read) {
  ConvolutionLayer layer;
  layer.kernel = table.kernel;
  layer.inputs = table.inputs;
  for (const MtcnnLayerTable::Part& part : table.parts)
    layer.outputs += part.outputs;
  const size_t total = static_cast<size_t>(layer.outputs);
  layer.weights.resize(total * static_cast<size_t>(layer.inputs * layer.kernel * layer.kernel));
  int first = 0;
  for (size_t i = 0; i < table.parts.size(); ++i) {
    const float* weights = read.parts[i].weights.data();
    for (int o = first; o < first + table.parts[i].outputs; ++o) {
      for (int c = 0; c < layer.inputs; ++c) {
        for (int x = 0; x < layer.kernel; ++x) {
          for (int y = 0; y < layer.kernel; ++y) {
            const int target = (c * layer.kernel + y) * layer.kernel + x;
            layer.weights[static_cast<size_t>(target) * total + static_cast<size_t>(o)] =
                *weights++;
          }
        }
      }
    }
    layer.bias.insert(layer.bias.end(), read.parts[i].bias.begin(), read.parts[i].bias.end());
    first += table.parts[i].outputs;
  }
  layer.slope = read.slope;
  if (layer.slope.empty()) layer.slope.assign(total, 1.0F);
  return layer;
}

std::string readModel(const fs::path& path) {
  if (!fs::is_regular_file(path)) {
    throw Error(
        concat("no such file: ", path.string(), " (the other networks of MTCNN are there)"));
  }
  if (fs::file_size(path) > kLargestFile) {
    throw Error(concat(path.string(), ": ", fs::file_size(path),
                       " bytes, more than a network of MTCNN has"));
  }
  return readFile(path);
}

MtcnnNetwork readNetwork(const fs::path& folder, const MtcnnTable& table, bool caffe) {
  const fs::path path = folder / (caffe ? table.caffe_file : table.onnx_file);
  const std::vector<MtcnnLayerWeights> read =
      (caffe ? readMtcnnCaffe : readMtcnnOnnx)(table, readModel(path), path.string());
  MtcnnNetwork network;
  for (size_t i = 0; i < table.layers.size(); ++i) {
    const ConvolutionLayer& layer =
        network.layers.emplace_back(makeLayer(table.layers[i], read[i]));
    network.pools.push_back({table.layers[i].pool_size, table.layers[i].pool_stride});
    for (const std::vector<float>* numbers : {&layer.weights, &layer.bias, &layer.slope}) {
      for (const float number : *numbers) {
        if (!std::isfinite(number)) throw Error(concat(path.string(), ": weights aren't finite"));
      }
    }
  }
  return network;
}

}  // namespace

MtcnnNetworks loadMtcnn(const fs::path& folder) {
  if (!fs::is_directory(folder)) throw Error(concat("no such folder: ", folder.string()));
  bool caffe = false;
  bool onnx = false;
  for (const MtcnnTable& table : tables()) {
    caffe = caffe || fs::exists(folder / table.caffe_file);
    onnx = onnx || fs::exists(folder / table.onnx_file);
  }
  if (!caffe && !onnx) {
    throw Error(concat(folder.string(),
                       " has neither pnet.onnx, rnet.onnx and onet.onnx, which get_detector.sh "
                       "fetches, nor det1, det2 and det3.caffemodel"));
  }
  const auto& [proposal, refinement, output] = tables();
  return {readNetwork(folder, proposal, caffe), readNetwork(folder, refinement, caffe),
          readNetwork(folder, output, caffe)};
}

const FeatureMap& forward(const MtcnnNetwork& network, const FeatureMap& input) {
  // Two maps in turn, kept because allocating megabytes costs more than small layers do.
  thread_local FeatureMap maps[2];
  const FeatureMap* current = &input;
  int next = 0;
  for (size_t i = 0; i < network.layers.size(); ++i) {
    convolve(network.layers[i], *current, maps[next]);
    current = &maps[next];
    next = 1 - next;
    if (network.pools[i].size > 0) {
      maxPool(network.pools[i].size, network.pools[i].stride, *current, maps[next]);
      current = &maps[next];
      next = 1 - next;
    }
  }
  return *current;
}

float faceProbability(float background, float face) {
  return 1.0F / (1.0F + std::exp(background - face));
}

}  // namespace sphereface
