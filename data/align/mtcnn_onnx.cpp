// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>

#include "base/error.h"
#include "data/align/mtcnn_weights.h"
#include "proto/onnx.pb.h"

namespace sphereface {
namespace {

using Extents = std::vector<int64_t>;

std::string textOf(const Extents& extents) {
  std::string text;
  for (const int64_t extent : extents)
    text += concat(text.empty() ? "" : "x", extent);
  return text.empty() ? "one number" : text;
}

/// The graph and where in it we are: at a tensor, whose consumers come next.
class GraphWalk {
 public:
  GraphWalk(const onnx::GraphProto& graph, std::string what)
      : graph_(graph), what_(std::move(what)) {
    for (const onnx::TensorProto& tensor : graph.initializer())
      tensors_[tensor.name()] = &tensor;
    for (const onnx::NodeProto& node : graph.node()) {
      if (node.input().empty() || node.output_size() != 1) {
        fail(concat(node.op_type(), " ", node.name(), " has ", node.input_size(), " inputs and ",
                    node.output_size(), " outputs"));
      }
      consumers_[node.input(0)].push_back(&node);
    }
  }

  [[noreturn]] void fail(const std::string& why) const { throw Error(what_ + why); }

  /// The graph's one input that is no weight.
  std::string input() const {
    std::string found;
    for (const onnx::ValueInfoProto& value : graph_.input()) {
      if (tensors_.contains(value.name())) continue;
      if (!found.empty()) fail(concat("it has the inputs ", found, " and ", value.name()));
      found = value.name();
    }
    if (found.empty()) fail("it has no input");
    return found;
  }

  std::vector<const onnx::NodeProto*> consumers(const std::string& tensor) const {
    const auto found = consumers_.find(tensor);
    return found == consumers_.end() ? std::vector<const onnx::NodeProto*>() : found->second;
  }

  /// The one consumer of `tensor`, which has to be an `op`; the next tensor is its output.
  const onnx::NodeProto& take(std::string& tensor, const std::string& op) {
    const auto nodes = consumers(tensor);
    if (nodes.size() != 1 || nodes[0]->op_type() != op) {
      fail(concat("behind ", tensor, " stands ",
                  nodes.empty()       ? "nothing"
                  : nodes.size() == 1 ? nodes[0]->op_type()
                                      : concat(nodes.size(), " nodes"),
                  ", expected ", op));
    }
    visit();
    tensor = nodes[0]->output(0);
    return *nodes[0];
  }

  /// Counts a node. A graph that runs in a circle ends here.
  void visit() {
    if (++visited_ > graph_.node_size()) fail("its nodes form a circle");
  }

  /// errors: Error when the graph has nodes that weren't visited.
  void finish() const {
    if (visited_ != graph_.node_size()) {
      fail(concat(graph_.node_size(), " nodes, expected ", visited_));
    }
  }

  bool isOutput(const std::string& tensor) const {
    return std::ranges::any_of(graph_.output(),
                               [&](const auto& output) { return output.name() == tensor; });
  }

  const onnx::TensorProto& weights(const onnx::NodeProto& node, int input) const {
    const auto found =
        input < node.input_size() ? tensors_.find(node.input(input)) : tensors_.end();
    if (found == tensors_.end()) {
      fail(concat(node.op_type(), " ", node.name(), " has no weights as input ", input));
    }
    return *found->second;
  }

  /// The numbers of `node`'s weights, which have to be shaped `expected`; for PRelu's slopes, of
  /// which 10x1x1 are 10, extents of 1 don't count.
  std::vector<float> numbers(const onnx::NodeProto& node, int input, const Extents& expected,
                             bool ignore_ones = false) const {
    const onnx::TensorProto& tensor = weights(node, input);
    Extents extents(tensor.dims().begin(), tensor.dims().end());
    if (ignore_ones) std::erase(extents, 1);
    if (extents != expected) {
      fail(concat(tensor.name(), " is ", textOf(extents), ", expected ", textOf(expected)));
    }
    size_t count = 1;
    for (const int64_t extent : expected)
      count *= static_cast<size_t>(extent);
    std::vector<float> values(count);
    if (tensor.data_type() != onnx::TensorProto::FLOAT) {
      fail(concat(tensor.name(), " is of type ", tensor.data_type(), ", not of fp32"));
    }
    if (tensor.raw_data().size() == count * sizeof(float)) {
      std::memcpy(values.data(), tensor.raw_data().data(), tensor.raw_data().size());
    } else if (tensor.float_data_size() == static_cast<int>(count)) {
      std::ranges::copy(tensor.float_data(), values.begin());
    } else {
      fail(concat(tensor.name(), " has ", tensor.float_data_size(), " numbers and ",
                  tensor.raw_data().size(), " bytes, expected ", count, " numbers"));
    }
    return values;
  }

 private:
  const onnx::GraphProto& graph_;
  std::string what_;
  std::map<std::string, const onnx::TensorProto*> tensors_;
  std::map<std::string, std::vector<const onnx::NodeProto*>> consumers_;  // by their first input
  int visited_ = 0;
};

/// What `node`'s attributes have to be; one that isn't named here may be left out.
struct Expected {
  std::string name;
  Extents values;
};

/// errors: Error for an attribute with other values, or one that isn't in the list.
void checkAttributes(const GraphWalk& walk, const onnx::NodeProto& node,
                     const std::vector<Expected>& expected) {
  for (const onnx::AttributeProto& attribute : node.attribute()) {
    const std::string where = concat(node.op_type(), " ", node.name(), ": ", attribute.name());
    if (attribute.name() == "auto_pad") {
      const bool pooling = node.op_type() == "MaxPool";  // checkBorder() looks at it
      if (attribute.s() != "VALID" && attribute.s() != "NOTSET" &&
          !(pooling && attribute.s() == "SAME_UPPER")) {
        walk.fail(concat(where, " isn't VALID"));
      }
      continue;
    }
    const auto rule = std::ranges::find(expected, attribute.name(), &Expected::name);
    if (rule == expected.end()) walk.fail(concat(where, " isn't MTCNN's"));
    const Extents values = attribute.type() == onnx::AttributeProto::INT
                               ? Extents{attribute.i()}
                               : Extents(attribute.ints().begin(), attribute.ints().end());
    if (values != rule->values) {
      walk.fail(concat(where, " is ", textOf(values), ", expected ", textOf(rule->values)));
    }
  }
}

void takeTranspose(GraphWalk& walk, std::string& tensor, const Extents& order) {
  const onnx::NodeProto& node = walk.take(tensor, "Transpose");
  checkAttributes(walk, node, {{"perm", order}});
  if (node.attribute().empty()) walk.fail("Transpose without an order");
}

MtcnnLayerWeights::Part convolutionWeights(const GraphWalk& walk, const onnx::NodeProto& node,
                                           const MtcnnLayerTable& layer, int outputs) {
  const int64_t k = layer.kernel;
  checkAttributes(walk, node,
                  {{"kernel_shape", {k, k}},
                   {"strides", {1, 1}},
                   {"dilations", {1, 1}},
                   {"pads", {0, 0, 0, 0}},
                   {"group", {1}}});
  return {walk.numbers(node, 1, {outputs, layer.inputs, k, k}), walk.numbers(node, 2, {outputs})};
}

/// MatMul and the Add behind it. The rows of a matrix over a map lie in the order x, y, channel.
MtcnnLayerWeights::Part denseWeights(GraphWalk& walk, const onnx::NodeProto& product,
                                     std::string& tensor, const MtcnnLayerTable& layer,
                                     int outputs) {
  const size_t area = static_cast<size_t>(layer.kernel) * static_cast<size_t>(layer.kernel);
  const auto inputs = static_cast<size_t>(layer.inputs);
  const auto columns = static_cast<size_t>(outputs);
  const std::vector<float> matrix =
      walk.numbers(product, 1, {static_cast<int64_t>(area * inputs), outputs});
  MtcnnLayerWeights::Part part;
  part.weights.reserve(matrix.size());
  for (size_t o = 0; o < columns; ++o) {
    for (size_t c = 0; c < inputs; ++c) {
      for (size_t place = 0; place < area; ++place)
        part.weights.push_back(matrix[(place * inputs + c) * columns + o]);
    }
  }
  part.bias = walk.numbers(walk.take(tensor, "Add"), 1, {outputs});
  return part;
}

/// What a pooling does at the border has to be what Caffe does there, whose output's size rounds up
/// and whose last window may be cut off. ONNX's SAME_UPPER is that where it adds no more than one
/// column. Returns the output's side.
int checkBorder(const GraphWalk& walk, const onnx::NodeProto& node, const MtcnnLayerTable& layer,
                int side) {
  const int size = layer.pool_size;
  const int stride = layer.pool_stride;
  const int caffe = (side - size + stride - 1) / stride + 1;
  const bool same = std::ranges::any_of(
      node.attribute(), [](const auto& attribute) { return attribute.s() == "SAME_UPPER"; });
  const int here = same ? (side + stride - 1) / stride : (side - size) / stride + 1;
  if (here != caffe || (same && (here - 1) * stride + size - side > 1)) {
    walk.fail(concat("MaxPool ", node.name(), " makes ", here, " of ", side,
                     " pixels, where Caffe makes ", caffe));
  }
  return caffe;
}

/// A layer of the trunk: `tensor` goes from its input to its output, and so does the map's `side`.
MtcnnLayerWeights takeLayer(GraphWalk& walk, std::string& tensor, int& side,
                            const MtcnnLayerTable& layer) {
  MtcnnLayerWeights read;
  const int outputs = layer.parts[0].outputs;
  if (layer.dense) {
    takeTranspose(walk, tensor, {0, 2, 3, 1});
    checkAttributes(walk, walk.take(tensor, "Flatten"), {{"axis", {1}}});
    const onnx::NodeProto& product = walk.take(tensor, "MatMul");
    read.parts.push_back(denseWeights(walk, product, tensor, layer, outputs));
  } else {
    read.parts.push_back(convolutionWeights(walk, walk.take(tensor, "Conv"), layer, outputs));
  }
  read.slope = walk.numbers(walk.take(tensor, "PRelu"), 1, {outputs}, true);
  side -= layer.kernel - 1;
  if (layer.pool_size > 0) {
    const int64_t size = layer.pool_size;
    const int64_t stride = layer.pool_stride;
    const onnx::NodeProto& pool = walk.take(tensor, "MaxPool");
    checkAttributes(walk, pool,
                    {{"kernel_shape", {size, size}},
                     {"strides", {stride, stride}},
                     {"pads", {0, 0, 0, 0}},
                     {"ceil_mode", {0}}});
    side = checkBorder(walk, pool, layer, side);
  }
  return read;
}

/// How many outputs a head has, which tells which one it is.
int64_t headOutputs(const GraphWalk& walk, const onnx::NodeProto& node, bool dense) {
  const onnx::TensorProto& tensor = walk.weights(node, 1);
  const int at = dense ? tensor.dims_size() - 1 : 0;
  return tensor.dims_size() == (dense ? 2 : 4) ? tensor.dims(at) : 0;
}

/// What follows a head up to the graph's output: an order of the axes, of two logits a Softmax.
void finishHead(GraphWalk& walk, std::string tensor, bool dense, bool probability) {
  if (!dense) takeTranspose(walk, tensor, {0, 2, 3, 1});
  if (probability) {
    checkAttributes(walk, walk.take(tensor, "Softmax"), {{"axis", {dense ? 1 : 3}}});
  }
  if (!walk.isOutput(tensor)) walk.fail(concat(tensor, " isn't an output"));
}

MtcnnLayerWeights takeHeads(GraphWalk& walk, const std::string& tensor,
                            const MtcnnLayerTable& layer) {
  const std::string op = layer.dense ? "MatMul" : "Conv";
  const auto nodes = walk.consumers(tensor);
  if (nodes.size() != layer.parts.size()) {
    walk.fail(concat("it has ", nodes.size(), " heads, expected ", layer.parts.size()));
  }
  MtcnnLayerWeights read;
  for (const MtcnnLayerTable::Part& part : layer.parts) {
    const auto head = std::ranges::find_if(nodes, [&](const onnx::NodeProto* node) {
      return node->op_type() == op && headOutputs(walk, *node, layer.dense) == part.outputs;
    });
    if (head == nodes.end()) {
      walk.fail(concat("no ", op, " of ", part.outputs, " outputs is behind ", tensor));
    }
    walk.visit();
    std::string next = (*head)->output(0);
    read.parts.push_back(layer.dense ? denseWeights(walk, **head, next, layer, part.outputs)
                                     : convolutionWeights(walk, **head, layer, part.outputs));
    finishHead(walk, next, layer.dense, part.outputs == 2);
  }
  return read;
}

}  // namespace

std::vector<MtcnnLayerWeights> readMtcnnOnnx(const MtcnnTable& table, std::string_view bytes,
                                             const std::string& name) {
  onnx::ModelProto model;
  if (!model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || !model.has_graph()) {
    throw Error(concat(name, ": no whole ONNX model (damaged, cut off, or something else)"));
  }
  GraphWalk walk(model.graph(), concat(name, " is not MTCNN's ", table.title, ": "));
  std::string tensor = walk.input();
  // Tells it from PyTorch's ports, whose kernels may lie the other way round.
  takeTranspose(walk, tensor, {0, 3, 1, 2});
  int side = table.side;
  std::vector<MtcnnLayerWeights> read;
  for (const MtcnnLayerTable& layer : table.layers) {
    read.push_back(layer.prelu.empty() ? takeHeads(walk, tensor, layer)
                                       : takeLayer(walk, tensor, side, layer));
  }
  walk.finish();
  return read;
}

}  // namespace sphereface
