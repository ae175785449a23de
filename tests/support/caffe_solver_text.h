// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// A Caffe solver and the parts of its training net: kData + layersOf(NETWORK) + kHead.

#pragma once

#include <string>

#include "convert/caffe_export.h"
#include "model/network_table.h"
#include "proto/text_format.h"

namespace sphereface::testing {

/// In the style of the published solver.
inline constexpr const char* kSolver = R"(net: "code/model.prototxt"
#test_iter: 100
base_lr: 0.1
lr_policy: "multistep"
gamma: 0.1

stepvalue: 16000
stepvalue: 24000
max_iter: 28000
display: 100
momentum: 0.9
weight_decay: 0.0005
snapshot: 1000
snapshot_prefix: "result/model"
solver_mode: GPU
)";

inline constexpr const char* kData = R"(name: "Net-4"
layer {
  name: "data"
  type: "ImageData"
  top: "data"
  top: "label"
  transform_param {
    mean_value: 127.5
    mean_value: 127.5
    mean_value: 127.5
    scale: 0.0078125
    mirror: true
  }
  image_data_param {
    source: "data/CASIA-WebFace-112X96.txt"
    batch_size: 256
    shuffle: true
    rand_skip: 3
  }
}
)";

inline constexpr const char* kHead = R"(layer {
  name: "fc6"
  type: "MarginInnerProduct"
  bottom: "fc5"
  bottom: "label"
  top: "fc6"
  top: "lambda"
  param { lr_mult: 1 decay_mult: 1 }
  margin_inner_product_param {
    num_output: 10572
    type: TRIPLE
    weight_filler { type: "xavier" }
    base: 1000
    gamma: 0.12
    power: 1
    lambda_min: 5
    iteration: 77
  }
}
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc6" bottom: "label" top: "loss" }
)";

/// The layers between, with the published fillers and multipliers.
inline std::string layersOf(const std::string& network) {
  caffe::NetParameter net = describeDeployNet(buildNetwork(NetworkTable{network}));
  net.clear_name();
  net.mutable_layer()->erase(net.mutable_layer()->begin());  // its input
  for (caffe::LayerParameter& layer : *net.mutable_layer()) {
    const bool conv = layer.has_convolution_param();
    if (!conv && !layer.has_inner_product_param()) continue;
    const bool residual = conv && layer.convolution_param().stride(0) == 1;
    caffe::FillerParameter& weight =
        conv ? *layer.mutable_convolution_param()->mutable_weight_filler()
             : *layer.mutable_inner_product_param()->mutable_weight_filler();
    weight.set_type(residual ? "gaussian" : "xavier");
    if (residual) weight.set_std(0.01F);
    layer.add_param()->set_lr_mult(1);
    layer.add_param()->set_lr_mult(residual ? 0 : 2);
    layer.mutable_param(1)->set_decay_mult(0);
  }
  return printText(net);
}

}  // namespace sphereface::testing
