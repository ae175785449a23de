// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <cstdio>

#include "base/error.h"
#include "cli/inspect.h"
#include "model/network_config.h"

namespace sphereface {

Json inspectNetwork(const NetworkConfig& config, size_t classes) {
  const Network network = buildNetwork(config);
  Json json;
  json["kind"] = "network";
  json["network"] = network.name;
  json["input"] = {network.channels, network.height, network.width};
  json["embedding"] = network.embedding;
  if (classes > 0) json["classes"] = classes;
  Json layers = Json::array();
  LayerRow total;
  std::printf("%s, %dx%d images (height x width), embedding %d\n\n", network.name.c_str(),
              network.height, network.width, network.embedding);
  std::printf("%-9s %-23s %15s %12s %10s\n", "layer", "what", "output", "parameters", "MMAC");
  for (const LayerRow& row : layerTable(network, classes)) {
    std::printf("%-9s %-23s %15s %12zu %10.2f\n", row.name.c_str(), row.kind.c_str(),
                concat(row.channels, " x ", row.height, " x ", row.width).c_str(), row.parameters,
                static_cast<double>(row.multiply_adds) / 1e6);
    layers.push_back({{"name", row.name},
                      {"kind", row.kind},
                      {"output", {row.channels, row.height, row.width}},
                      {"parameters", row.parameters},
                      {"multiply_adds", row.multiply_adds},
                      {"activations", row.activations}});
    total.parameters += row.parameters;
    total.multiply_adds += row.multiply_adds;
    total.activations += row.activations;
  }
  std::printf("%-9s %-23s %15s %12zu %10.2f\n\n", "total",
              concat(network.convs.size(), " convolutions").c_str(), "", total.parameters,
              static_cast<double>(total.multiply_adds) / 1e6);
  std::printf("multiply-adds of an image: %.3f G forward; a training step about 6 FLOP for each\n",
              static_cast<double>(total.multiply_adds) / 1e9);
  std::printf("activations of an image: %.2f M floats (convolution, PReLU, addition)\n",
              static_cast<double>(total.activations) / 1e6);
  json["layers"] = std::move(layers);
  json["convolutions"] = network.convs.size();
  json["parameters"] = total.parameters;
  json["multiply_adds"] = total.multiply_adds;
  json["activations"] = total.activations;
  return json;
}

}  // namespace sphereface
