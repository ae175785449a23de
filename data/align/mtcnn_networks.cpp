// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/align/mtcnn_networks.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <opencv2/dnn.hpp>

#include "base/error.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

/// One Caffe file with its weights, by layer name.
class CaffeWeights {
 public:
  CaffeWeights(const fs::path& folder, const std::string& name)
      : prototxt_(folder / (name + ".prototxt")), caffemodel_(folder / (name + ".caffemodel")) {
    for (const fs::path& path : {prototxt_, caffemodel_}) {
      if (!fs::is_regular_file(path)) {
        throw Error(concat("no such file: ", path.string(),
                           " (the folder of models has to hold det1, det2 and det3, each as "
                           ".prototxt and .caffemodel)"));
      }
      if (!std::ifstream(path)) throw Error(concat("cannot read ", path.string()));
    }
    try {
      net_ = cv::dnn::readNetFromCaffe(prototxt_.string(), caffemodel_.string());
    } catch (const cv::Exception& e) {
      throw Error(concat(caffemodel_.string(), " or ", prototxt_.filename().string(),
                         " is not a readable Caffe network: ", e.err));
    }
  }

  /// Blob `index` of `layer`, as floats. errors: Error when its shape is not `shape`.
  const float* blob(const std::string& layer, size_t index, const std::vector<int>& shape) {
    const auto id = net_.getLayerId(layer);
    if (id < 0) fail(concat("has no layer '", layer, "'"));
    const std::vector<cv::Mat>& blobs = net_.getLayer(id)->blobs;
    size_t count = 1;
    for (const int size : shape)
      count *= static_cast<size_t>(size);
    if (index >= blobs.size()) fail(concat("layer '", layer, "' has no weights"));
    const cv::Mat& values = blobs[index];
    if (values.type() != CV_32F || values.total() != count || !values.isContinuous()) {
      fail(concat("layer '", layer, "' has ", values.total(), " weights, expected ", count));
    }
    return values.ptr<float>();
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(concat(caffemodel_.string(), " is not the expected network: ", what));
  }

  fs::path prototxt_;
  fs::path caffemodel_;
  cv::dnn::Net net_;
};

/// Makes a layer of the Caffe layers `names`, which share their input and have `outputs` each, with
/// the PReLU layer `activation` ("" = none). Caffe's weights are [output][input][x][y].
ConvolutionLayer readLayer(CaffeWeights& file, int inputs, int kernel,
                           const std::vector<std::pair<std::string, int>>& names,
                           const std::string& activation) {
  ConvolutionLayer layer;
  layer.kernel = kernel;
  layer.inputs = inputs;
  for (const auto& [name, outputs] : names)
    layer.outputs += outputs;
  const size_t total = static_cast<size_t>(layer.outputs);
  layer.weights.resize(total * static_cast<size_t>(inputs * kernel * kernel));
  int first = 0;
  for (const auto& [name, outputs] : names) {
    const float* weights = file.blob(name, 0, {outputs, inputs, kernel, kernel});
    for (int o = 0; o < outputs; ++o) {
      for (int c = 0; c < inputs; ++c) {
        for (int x = 0; x < kernel; ++x) {
          for (int y = 0; y < kernel; ++y) {
            const int target = (c * kernel + y) * kernel + x;
            layer.weights[static_cast<size_t>(target) * total + static_cast<size_t>(first + o)] =
                *weights++;
          }
        }
      }
    }
    const float* bias = file.blob(name, 1, {outputs});
    layer.bias.insert(layer.bias.end(), bias, bias + outputs);
    first += outputs;
  }
  layer.slope.assign(total, 1.0F);
  if (!activation.empty()) {
    const float* slope = file.blob(activation, 0, {layer.outputs});
    layer.slope.assign(slope, slope + layer.outputs);
  }
  return layer;
}

MtcnnNetwork readProposal(const fs::path& folder) {
  CaffeWeights file(folder, "det1");
  return {.layers = {readLayer(file, 3, 3, {{"conv1", 10}}, "PReLU1"),
                     readLayer(file, 10, 3, {{"conv2", 16}}, "PReLU2"),
                     readLayer(file, 16, 3, {{"conv3", 32}}, "PReLU3"),
                     readLayer(file, 32, 1, {{"conv4-1", 2}, {"conv4-2", 4}}, "")},
          .pools = {{2, 2}, {}, {}, {}}};
}

MtcnnNetwork readRefinement(const fs::path& folder) {
  CaffeWeights file(folder, "det2");
  return {.layers = {readLayer(file, 3, 3, {{"conv1", 28}}, "prelu1"),
                     readLayer(file, 28, 3, {{"conv2", 48}}, "prelu2"),
                     readLayer(file, 48, 2, {{"conv3", 64}}, "prelu3"),
                     readLayer(file, 64, 3, {{"conv4", 128}}, "prelu4"),
                     readLayer(file, 128, 1, {{"conv5-1", 2}, {"conv5-2", 4}}, "")},
          .pools = {{3, 2}, {3, 2}, {}, {}, {}}};
}

MtcnnNetwork readOutput(const fs::path& folder) {
  CaffeWeights file(folder, "det3");
  return {
      .layers = {readLayer(file, 3, 3, {{"conv1", 32}}, "prelu1"),
                 readLayer(file, 32, 3, {{"conv2", 64}}, "prelu2"),
                 readLayer(file, 64, 3, {{"conv3", 64}}, "prelu3"),
                 readLayer(file, 64, 2, {{"conv4", 128}}, "prelu4"),
                 readLayer(file, 128, 3, {{"conv5", 256}}, "prelu5"),
                 readLayer(file, 256, 1, {{"conv6-1", 2}, {"conv6-2", 4}, {"conv6-3", 10}}, "")},
      .pools = {{3, 2}, {3, 2}, {2, 2}, {}, {}, {}}};
}

}  // namespace

MtcnnNetworks loadMtcnn(const fs::path& folder) {
  if (!fs::is_directory(folder)) throw Error(concat("no such folder: ", folder.string()));
  return {readProposal(folder), readRefinement(folder), readOutput(folder)};
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
