// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Caffe's layers that scale and shift each channel: Power, BatchNorm by its stored statistics,
// Scale and Bias.

#pragma once

#include <cstddef>
#include <string>

#include "convert/caffe_network.h"

namespace sphereface {

/// throws: Error naming the net and the layer.
[[noreturn]] void refuseLayer(const std::string& net, const caffe::LayerParameter& layer,
                              const std::string& what);

/// A field of the file that isn't known may change what the layer does. `part`: the layer itself or
/// a message in it. errors: Error of refuseLayer.
void checkKnownFields(const std::string& net, const caffe::LayerParameter& layer,
                      const google::protobuf::Message& part);

Affine identityAffine(size_t channels);

bool isAffine(const caffe::LayerParameter& layer);

/// What a layer, of which isAffine holds, does to each of so many channels. Its numbers are those
/// of the layer of its name in `weights`. errors: Error when it does something else, or hasn't got
/// as many numbers.
Affine readAffine(const std::string& net, const caffe::LayerParameter& layer,
                  const NamedNet& weights, size_t channels);

}  // namespace sphereface
