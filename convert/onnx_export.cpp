// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "convert/onnx_export.h"

#include <bit>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"

namespace sphereface {
namespace {

static_assert(std::endian::native == std::endian::little, "raw_data is written as it is");

constexpr int64_t kIrVersion = 7;
constexpr int64_t kOpset = 13;

class GraphBuilder {
 public:
  explicit GraphBuilder(onnx::GraphProto& graph) : graph_(graph) {}

  /// A node named after its output. Attributes follow.
  onnx::NodeProto& node(const std::string& op, const std::vector<std::string>& inputs,
                        const std::vector<std::string>& outputs) {
    onnx::NodeProto& node = *graph_.add_node();
    node.set_op_type(op);
    node.set_name(outputs.front());
    for (const std::string& input : inputs)
      node.add_input(input);
    for (const std::string& output : outputs)
      node.add_output(output);
    return node;
  }

  template <class T>
  void constant(const std::string& name, onnx::TensorProto::DataType type,
                const std::vector<int64_t>& dims, std::span<const T> values) {
    onnx::TensorProto& tensor = *graph_.add_initializer();
    tensor.set_name(name);
    tensor.set_data_type(type);
    for (const int64_t dim : dims)
      tensor.add_dims(dim);
    tensor.set_raw_data(values.data(), values.size_bytes());
  }

  void scalar(const std::string& name, float value) {
    constant<float>(name, onnx::TensorProto::FLOAT, {}, {&value, 1});
  }

  void indices(const std::string& name, const std::vector<int64_t>& values) {
    constant<int64_t>(name, onnx::TensorProto::INT64, {static_cast<int64_t>(values.size())},
                      values);
  }

 private:
  onnx::GraphProto& graph_;
};

void set(onnx::NodeProto& node, const std::string& name, int64_t value) {
  onnx::AttributeProto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::INT);
  attribute.set_i(value);
}

void set(onnx::NodeProto& node, const std::string& name, const std::vector<int64_t>& values) {
  onnx::AttributeProto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::INTS);
  for (const int64_t value : values)
    attribute.add_ints(value);
}

void describeValue(onnx::ValueInfoProto& value, const std::string& name,
                   const std::vector<int>& extents) {
  value.set_name(name);
  onnx::TypeProto::Tensor& type = *value.mutable_type()->mutable_tensor_type();
  type.set_elem_type(onnx::TensorProto::FLOAT);
  type.mutable_shape()->add_dim()->set_dim_param("batch");
  for (const int extent : extents)
    type.mutable_shape()->add_dim()->set_dim_value(extent);
}

void addInitializers(const TrainedModel& model, GraphBuilder& graph) {
  for (const Parameter& parameter : model.network.parameters) {
    std::vector<int64_t> dims(parameter.shape.begin(), parameter.shape.end());
    // A slope per channel is spread over rows and columns.
    if (parameter.name.starts_with("relu")) dims = {dims[0], 1, 1};
    graph.constant<float>(parameter.name, onnx::TensorProto::FLOAT, dims, model.values(parameter));
  }
}

/// Normalised images, with their mirror images behind them in the batch if wanted.
std::string addInput(const Network& network, Mirror mirror, GraphBuilder& graph) {
  graph.scalar("mean", network.mean);
  graph.scalar("scale", network.scale);
  graph.node("Sub", {"input", "mean"}, {"centred"});
  graph.node("Mul", {"centred", "scale"}, {"normalised"});
  if (mirror == Mirror::kNone) return "normalised";
  graph.indices("last_column", {-1});
  graph.indices("before_first_column", {std::numeric_limits<int64_t>::min()});
  graph.indices("column_axis", {3});
  graph.indices("backwards", {-1});
  graph.node("Slice",
             {"normalised", "last_column", "before_first_column", "column_axis", "backwards"},
             {"mirrored"});
  set(graph.node("Concat", {"normalised", "mirrored"}, {"both"}), "axis", 0);
  return "both";
}

/// The embeddings of a batch.
std::string addNetwork(const Network& network, const std::string& input, GraphBuilder& graph) {
  std::vector<std::string> outputs;
  for (const ConvLayer& conv : network.convs) {
    const std::string relu = "relu" + conv.name.substr(4);
    onnx::NodeProto& node = graph.node(
        "Conv", {outputs.empty() ? input : outputs.back(), conv.name + ".0", conv.name + ".1"},
        {conv.name});
    set(node, "kernel_shape", {3, 3});
    set(node, "strides", {conv.stride, conv.stride});
    set(node, "pads", {1, 1, 1, 1});
    graph.node("PRelu", {conv.name, relu + ".0"}, {relu});
    outputs.push_back(relu);
    if (conv.residual_from < 0) continue;
    const std::string sum = "res" + conv.name.substr(4);
    graph.node("Add", {outputs[static_cast<size_t>(conv.residual_from)], relu}, {sum});
    outputs.back() = sum;
  }
  std::string fc = layerOf(network.parameters.front());
  set(graph.node("Flatten", {outputs.back()}, {"flat"}), "axis", 1);
  set(graph.node("Gemm", {"flat", fc + ".0", fc + ".1"}, {fc}), "transB", 1);
  return fc;
}

/// One feature an image, from the embeddings of image and mirror image.
std::string addJoin(const std::string& embeddings, Mirror mirror, GraphBuilder& graph) {
  if (mirror == Mirror::kNone) return embeddings;
  set(graph.node("Split", {embeddings}, {"of_image", "of_mirror"}), "axis", 0);
  const std::vector<std::string> parts = {"of_image", "of_mirror"};
  if (mirror == Mirror::kSum) {
    graph.node("Add", parts, {"joined"});
  } else {
    set(graph.node("Concat", parts, {"joined"}), "axis", 1);
  }
  return "joined";
}

void addMetadata(const TrainedModel& model, const OnnxOptions& options, onnx::ModelProto& onnx) {
  const CheckpointManifest& manifest = model.manifest;
  const auto add = [&](const std::string& key, const std::string& value) {
    onnx::StringStringEntryProto& entry = *onnx.add_metadata_props();
    entry.set_key(key);
    entry.set_value(value);
  };
  add("network", model.network.name);
  add("step", std::to_string(manifest.step()));
  add("color_order", manifest.color_order());
  add("alignment_template", manifest.alignment_template());
  add("input", "pixels 0..255, normalised in the graph");
  add("mirror", mirrorName(options.mirror));
  add("unit_length", options.unit_length ? "true" : "false");
}

}  // namespace

onnx::ModelProto exportOnnx(const TrainedModel& model, const OnnxOptions& options) {
  const Network& network = model.network;
  if (!fitInMessage(network.parameter_count)) {
    throw Error(concat("the network's ", network.parameter_count,
                       " numbers don't fit into the 2 GB of a protobuf message"));
  }
  onnx::ModelProto onnx;
  onnx.set_ir_version(kIrVersion);
  onnx.set_producer_name("sphereface-train");
  onnx.set_producer_version(SPHEREFACE_VERSION);
  onnx.add_opset_import()->set_version(kOpset);
  addMetadata(model, options, onnx);

  onnx::GraphProto& graph = *onnx.mutable_graph();
  graph.set_name(network.name);
  describeValue(*graph.add_input(), "input", {network.channels, network.height, network.width});
  const int copies = options.mirror == Mirror::kConcat ? 2 : 1;
  describeValue(*graph.add_output(), "embedding", {copies * network.embedding});
  GraphBuilder builder(graph);
  addInitializers(model, builder);
  std::string value = addInput(network, options.mirror, builder);
  value = addNetwork(network, value, builder);
  value = addJoin(value, options.mirror, builder);
  if (options.unit_length) {
    // Rather than LpNormalization, which OpenCV's dnn hasn't got.
    onnx::NodeProto& norm = builder.node("ReduceL2", {value}, {"length"});
    set(norm, "axes", std::vector<int64_t>{1});
    set(norm, "keepdims", 1);
    builder.node("Div", {value, "length"}, {"embedding"});
  } else {
    builder.node("Identity", {value}, {"embedding"});
  }
  return onnx;
}

}  // namespace sphereface
