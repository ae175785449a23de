// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <algorithm>

#include "convert/caffe_export.h"
#include "convert/caffe_solver.h"
#include "model/network_table.h"
#include "proto/text_format.h"
#include "tests/fuzz/fuzz.h"

namespace sphereface::fuzz {

/// A solver and, behind a 0 byte, its net.
std::vector<std::string> seeds() {
  const std::string solver =
      "net: \"n\" base_lr: 0.1 lr_policy: \"multistep\" gamma: 0.1 stepvalue: 2 max_iter: 4 "
      "momentum: 0.9 snapshot_prefix: \"s\"\n";
  const std::string data =
      "layer { name: \"data\" type: \"ImageData\" top: \"data\" top: \"label\" transform_param { "
      "scale: 0.0078125 "
      "mean_value: 127.5 } image_data_param { source: \"x\" batch_size: 8 } }\n";
  const std::string head =
      "layer { name: \"fc4\" type: \"MarginInnerProduct\" bottom: \"fc3\" bottom: \"label\" top: "
      "\"fc4\" margin_inner_product_param { num_output: 9 type: QUADRUPLE base: 1000 } }\n"
      "layer { name: \"l\" type: \"SoftmaxWithLoss\" bottom: \"fc4\" bottom: \"label\" }\n";
  const Network network = buildNetwork(NetworkTable{"custom", 8, 8, 4, {{2, 0}, {3, 1}}});
  caffe::NetParameter net = describeDeployNet(network);
  net.mutable_layer()->erase(net.mutable_layer()->begin());  // its input
  return {solver + '\0' + data + printText(net) + head};
}

void fuzzOne(std::string_view bytes) {
  const size_t end = std::min(bytes.find('\0'), bytes.size());
  const std::string_view net = bytes.substr(std::min(end + 1, bytes.size()));
  configText(importSolver({bytes.substr(0, end), "solver"}, {net, "net"}, 1, std::nullopt));
}

}  // namespace sphereface::fuzz
