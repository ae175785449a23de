// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "convert/caffe_affine.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include "base/error.h"

namespace sphereface {
namespace {

using Layer = caffe::LayerParameter;

/// The numbers of a layer's blob, one for each channel.
std::vector<double> numbers(const NamedNet& weights, const Layer& layer, int index,
                            size_t channels) {
  const Layer* found = findLayer(weights.net, layer.name());
  std::vector<double> values;
  if (found != nullptr && index < found->blobs_size()) {
    const caffe::BlobProto& blob = found->blobs(index);
    values.assign(blob.double_data().begin(), blob.double_data().end());
    if (values.empty()) values.assign(blob.data().begin(), blob.data().end());
  }
  if (values.size() != channels) {
    throw Error(concat(weights.name, ": layer ", layer.name(), ", a ", layer.type(), ", has ",
                       values.size(), " numbers in blob ", index, ", expected ", channels));
  }
  return values;
}

/// Of a Scale or Bias: one number for each channel, or one for all.
template <class Parameter>
std::vector<double> numbersAlongChannels(const std::string& net, const Layer& layer,
                                         const Parameter& parameter, const NamedNet& weights,
                                         int index, size_t channels) {
  if (layer.bottom_size() != 1) refuseLayer(net, layer, "takes two blobs");
  if (parameter.num_axes() == 0) {
    return std::vector<double>(channels, numbers(weights, layer, index, 1).front());
  }
  if (parameter.axis() != 1 || parameter.num_axes() != 1) {
    refuseLayer(net, layer, "isn't along the channels");
  }
  return numbers(weights, layer, index, channels);
}

Affine ofBatchNorm(const std::string& net, const Layer& layer, const NamedNet& weights,
                   size_t channels) {
  const caffe::BatchNormParameter& parameter = layer.batch_norm_param();
  checkKnownFields(net, layer, parameter);
  if (parameter.has_use_global_stats() && !parameter.use_global_stats()) {
    refuseLayer(net, layer, "normalises by the batch that it is given");
  }
  const std::vector<double> mean = numbers(weights, layer, 0, channels);
  const std::vector<double> variance = numbers(weights, layer, 1, channels);
  const double count = numbers(weights, layer, 2, 1).front();
  const double unit = count == 0 ? 0 : 1 / count;
  Affine affine = identityAffine(channels);
  for (size_t c = 0; c < channels; ++c) {
    affine.scale[c] = 1 / std::sqrt(variance[c] * unit + parameter.eps());
    affine.shift[c] = -mean[c] * unit * affine.scale[c];
  }
  return affine;
}

}  // namespace

void refuseLayer(const std::string& net, const Layer& layer, const std::string& what) {
  throw Error(
      concat(net, ": layer ", layer.name(), " ", what, ", so this is no SphereFace network"));
}

void checkKnownFields(const std::string& net, const Layer& layer,
                      const google::protobuf::Message& part) {
  const auto& unknown = part.GetReflection()->GetUnknownFields(part);
  if (unknown.field_count() > 0) {
    refuseLayer(net, layer,
                concat("has a field ", unknown.field(0).number(), " in its ",
                       part.GetDescriptor()->name(), " that isn't known here"));
  }
}

Affine identityAffine(size_t channels) {
  return {std::vector<double>(channels, 1), std::vector<double>(channels, 0)};
}

bool isAffine(const Layer& layer) {
  static const std::set<std::string, std::less<>> kAffine = {"BatchNorm", "Bias", "Power", "Scale"};
  return kAffine.contains(layer.type());
}

Affine readAffine(const std::string& net, const Layer& layer, const NamedNet& weights,
                  size_t channels) {
  checkKnownFields(net, layer, layer);
  if (layer.type() == "BatchNorm") return ofBatchNorm(net, layer, weights, channels);
  Affine affine = identityAffine(channels);
  if (layer.type() == "Power") {
    const caffe::PowerParameter& parameter = layer.power_param();
    checkKnownFields(net, layer, parameter);
    if (parameter.power() != 1) refuseLayer(net, layer, "is a Power that isn't 1");
    std::ranges::fill(affine.scale, parameter.scale());
    std::ranges::fill(affine.shift, parameter.shift());
  } else if (layer.type() == "Scale") {
    const caffe::ScaleParameter& parameter = layer.scale_param();
    checkKnownFields(net, layer, parameter);
    affine.scale = numbersAlongChannels(net, layer, parameter, weights, 0, channels);
    if (parameter.bias_term()) {
      affine.shift = numbersAlongChannels(net, layer, parameter, weights, 1, channels);
    }
  } else {
    checkKnownFields(net, layer, layer.bias_param());
    affine.shift = numbersAlongChannels(net, layer, layer.bias_param(), weights, 0, channels);
  }
  return affine;
}

}  // namespace sphereface
