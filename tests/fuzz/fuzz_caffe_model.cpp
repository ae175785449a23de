// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <cstdint>

#include "convert/caffe_export.h"
#include "convert/caffe_file.h"
#include "convert/caffe_import.h"
#include "model/network_table.h"
#include "tests/fuzz/fuzz.h"

namespace sphereface::fuzz {

/// A network of two stages, as the published files have it and as older ones do.
std::vector<std::string> seeds() {
  const Network network = buildNetwork(NetworkTable{"custom", 8, 8, 4, {{2, 0}, {3, 1}}});
  caffe::NetParameter net = describeDeployNet(network);
  const auto add = [](caffe::LayerParameter& layer, const std::vector<size_t>& shape) {
    caffe::BlobProto& blob = *layer.add_blobs();
    int count = 1;
    for (const size_t extent : shape) {
      blob.mutable_shape()->add_dim(static_cast<int64_t>(extent));
      count *= static_cast<int>(extent);
    }
    blob.mutable_data()->Resize(count, 0.5F);
  };
  for (caffe::LayerParameter& layer : *net.mutable_layer()) {
    for (const Parameter& parameter : network.parameters) {
      if (layerOf(parameter) == layer.name()) add(layer, parameter.shape);
    }
  }
  caffe::LayerParameter& head = *net.add_layer();
  head.set_name(classifierLayer(network));
  add(head, {3, 4});
  caffe::NetParameter v1;
  v1.add_input("data");
  for (const int extent : {1, 3, 8, 8})
    v1.add_input_dim(extent);
  for (const caffe::LayerParameter& layer : net.layer()) {
    v1.add_layers()->set_name(layer.name());
    *v1.mutable_layers()->rbegin()->mutable_blobs() = layer.blobs();
  }
  return {net.SerializeAsString(), v1.SerializeAsString()};
}

void fuzzOne(std::string_view bytes) {
  const caffe::NetParameter net = parseCaffeModel(bytes, "input");
  importCaffe({{net, "input"}}, std::nullopt);
}

}  // namespace sphereface::fuzz
