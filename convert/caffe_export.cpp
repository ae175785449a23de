// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "convert/caffe_export.h"

#include <map>
#include <span>
#include <system_error>

#include "base/atomic_file.h"
#include "base/error.h"
#include "convert/caffe_network.h"
#include "proto/text_format.h"

namespace sphereface {
namespace {

caffe::LayerParameter& addLayer(caffe::NetParameter& net, const std::string& name,
                                const std::string& type, const std::vector<std::string>& bottoms,
                                const std::string& top) {
  caffe::LayerParameter& layer = *net.add_layer();
  layer.set_name(name);
  layer.set_type(type);
  for (const std::string& bottom : bottoms)
    layer.add_bottom(bottom);
  layer.add_top(top);
  return layer;
}

template <class Extents>
void addBlob(caffe::LayerParameter& layer, const Extents& shape, std::span<const float> values) {
  caffe::BlobProto& blob = *layer.add_blobs();
  for (const auto extent : shape)
    blob.mutable_shape()->add_dim(static_cast<int64_t>(extent));
  blob.mutable_data()->Add(values.begin(), values.end());
}

/// Parameters in the order of their blobs: LAYER.0 before LAYER.1.
void addWeights(const TrainedModel& model, caffe::NetParameter& net) {
  std::map<std::string, std::vector<const Parameter*>> of_layer;
  for (const Parameter& parameter : model.network.parameters)
    of_layer[layerOf(parameter)].push_back(&parameter);
  for (caffe::LayerParameter& layer : *net.mutable_layer()) {
    for (const Parameter* parameter : of_layer[layer.name()])
      addBlob(layer, parameter->shape, model.values(*parameter));
  }
}

std::string describeImages(const CheckpointManifest& manifest) {
  return concat("# data: ", manifest.color_order(), " planes, (byte - ",
                manifest.normalization_mean(), ") * ", manifest.normalization_scale(),
                "; faces aligned to ", manifest.alignment_template(), "\n");
}

}  // namespace

caffe::NetParameter describeDeployNet(const Network& network) {
  caffe::NetParameter net;
  net.set_name(network.name);
  caffe::LayerParameter& data = addLayer(net, "data", "Input", {}, "data");
  caffe::BlobShape& shape = *data.mutable_input_param()->add_shape();
  for (const int extent : {1, network.channels, network.height, network.width})
    shape.add_dim(extent);
  std::vector<std::string> outputs;  // the blob with each convolution's output
  for (const ConvLayer& conv : network.convs) {
    const std::string number = conv.name.substr(4);
    const std::string before = outputs.empty() ? "data" : outputs.back();
    caffe::ConvolutionParameter& parameter =
        *addLayer(net, conv.name, "Convolution", {before}, conv.name).mutable_convolution_param();
    parameter.set_num_output(static_cast<uint32_t>(conv.out_channels));
    parameter.add_kernel_size(3);
    parameter.add_pad(1);
    parameter.add_stride(static_cast<uint32_t>(conv.stride));
    addLayer(net, "relu" + number, "PReLU", {conv.name}, conv.name);
    if (conv.residual_from < 0) {
      outputs.push_back(conv.name);
      continue;
    }
    const std::string& from = outputs[static_cast<size_t>(conv.residual_from)];
    addLayer(net, "res" + number, "Eltwise", {from, conv.name}, "res" + number)
        .mutable_eltwise_param()
        ->set_operation(caffe::EltwiseParameter::SUM);
    outputs.push_back("res" + number);
  }
  const std::string fc = embeddingLayer(network);
  addLayer(net, fc, "InnerProduct", {outputs.back()}, fc)
      .mutable_inner_product_param()
      ->set_num_output(static_cast<uint32_t>(network.embedding));
  return net;
}

std::filesystem::path writeCaffeModel(const TrainedModel& model, const std::filesystem::path& path,
                                      std::vector<std::string>& notes) {
  const Network& network = model.network;
  caffe::NetParameter net = describeDeployNet(network);
  const std::string prototxt =
      concat("# Deploy net of ", path.filename().string(), ", step ", model.manifest.step(), ".\n",
             describeImages(model.manifest), printText(net));

  if (!fitInMessage(network.parameter_count)) {
    throw Error(concat(path.string(), ": the network's ", network.parameter_count,
                       " numbers don't fit into the 2 GB of a protobuf message"));
  }
  addWeights(model, net);
  const std::string classifier = classifierLayer(network);
  if (!fitInMessage(model.parameters.size())) {
    notes.push_back(
        concat("left out: the classifier, with which the file would be larger than the "
               "2 GB of a protobuf message"));
  } else if (!model.head().empty()) {
    const std::vector<size_t> shape = {model.manifest.classes(),
                                       static_cast<size_t>(network.embedding)};
    addBlob(addLayer(net, classifier, "MarginInnerProduct", {embeddingLayer(network)}, classifier),
            shape, model.head());
  }
  std::filesystem::path description = path;
  description.replace_extension(".prototxt");
  writeFileAtomically(description, prototxt);
  try {
    writeFileAtomically(path, net.SerializeAsString());
  } catch (...) {
    std::error_code ignored;
    std::filesystem::remove(description, ignored);
    throw;
  }
  return description;
}

}  // namespace sphereface
