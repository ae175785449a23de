// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Models of MTCNN's kind with random weights, in the two forms that are read: what
// data/align/mtcnn_weights.h is tested and fuzzed with.

#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "base/random.h"
#include "data/align/mtcnn_weights.h"
#include "proto/caffe.pb.h"
#include "proto/onnx.pb.h"

namespace sphereface {

inline std::vector<MtcnnLayerWeights> randomMtcnnWeights(const MtcnnTable& table, uint64_t seed) {
  Random random(seed);
  const auto draw = [&](int count, double size) {
    std::vector<float> numbers(static_cast<size_t>(count));
    for (float& number : numbers)
      number = static_cast<float>(random.uniform(-size, size));
    return numbers;
  };
  std::vector<MtcnnLayerWeights> weights;
  for (const MtcnnLayerTable& layer : table.layers) {
    MtcnnLayerWeights& drawn = weights.emplace_back();
    const int inputs = layer.inputs * layer.kernel * layer.kernel;
    for (const MtcnnLayerTable::Part& part : layer.parts) {
      drawn.parts.push_back({draw(part.outputs * inputs, 2 / std::sqrt(inputs)),  //
                             draw(part.outputs, 0.3)});
    }
    if (!layer.prelu.empty()) drawn.slope = draw(layer.parts[0].outputs, 0.5);
  }
  return weights;
}

inline caffe::NetParameter mtcnnCaffe(const MtcnnTable& table,
                                      const std::vector<MtcnnLayerWeights>& weights) {
  caffe::NetParameter net;
  const auto add = [](caffe::LayerParameter& layer, const std::vector<int>& shape,
                      const std::vector<float>& numbers) {
    caffe::BlobProto& blob = *layer.add_blobs();
    for (const int extent : shape)
      blob.mutable_shape()->add_dim(extent);
    blob.mutable_data()->Assign(numbers.begin(), numbers.end());
  };
  for (size_t i = 0; i < weights.size(); ++i) {
    const MtcnnLayerTable& table_layer = table.layers[i];
    const int k = table_layer.kernel;
    for (size_t p = 0; p < weights[i].parts.size(); ++p) {
      const auto& [name, outputs] = table_layer.parts[p];
      caffe::LayerParameter& layer = *net.add_layer();
      layer.set_name(name);
      add(layer,
          table_layer.dense ? std::vector<int>{outputs, table_layer.inputs * k * k}
                            : std::vector<int>{outputs, table_layer.inputs, k, k},
          weights[i].parts[p].weights);
      add(layer, {outputs}, weights[i].parts[p].bias);
    }
    if (table_layer.prelu.empty()) continue;
    caffe::LayerParameter& prelu = *net.add_layer();
    prelu.set_name(table_layer.prelu);
    add(prelu, {table_layer.parts[0].outputs}, weights[i].slope);
  }
  return net;
}

/// As keras2onnx writes it: images N x width x height x 3, a dense layer as a product with a matrix
/// of rows x, y, channel.
class MtcnnOnnxWriter {
 public:
  MtcnnOnnxWriter(const MtcnnTable& table, const std::vector<MtcnnLayerWeights>& weights) {
    model_.set_ir_version(7);
    model_.add_opset_import()->set_version(12);
    addValue(*graph().add_input(), "image", 3);
    at_ = "image";
    addTranspose({0, 3, 1, 2});
    int side = table.side;
    for (size_t i = 0; i < weights.size(); ++i) {
      const MtcnnLayerTable& layer = table.layers[i];
      if (layer.prelu.empty()) {
        addHeads(layer, weights[i]);
        continue;
      }
      const int outputs = layer.parts[0].outputs;
      if (layer.dense) {
        addTranspose({0, 2, 3, 1});
        addNode("Flatten", {});
        addInts("axis", {1});
      }
      addProduct(layer, weights[i].parts[0], outputs);
      addNode("PRelu",
              {addTensor(layer.dense ? std::vector<int>{outputs} : std::vector<int>{outputs, 1, 1},
                         weights[i].slope)});
      side -= layer.kernel - 1;
      if (layer.pool_size == 0) continue;
      addNode("MaxPool", {});
      // As in the published files: where windows don't end at the border the last one is cut off.
      const bool whole = layer.pool_size == 3 && (side - 3) % 2 == 0;
      addPadding(whole ? "VALID" : "SAME_UPPER");
      side = whole ? (side - 3) / 2 + 1 : (side + 1) / 2;
      addInts("kernel_shape", {layer.pool_size, layer.pool_size});
      addInts("strides", {layer.pool_stride, layer.pool_stride});
    }
  }

  const onnx::ModelProto& model() const { return model_; }

 private:
  onnx::GraphProto& graph() { return *model_.mutable_graph(); }

  static void addValue(onnx::ValueInfoProto& value, const std::string& name, int channels) {
    value.set_name(name);
    onnx::TypeProto::Tensor& type = *value.mutable_type()->mutable_tensor_type();
    type.set_elem_type(onnx::TensorProto::FLOAT);
    for (const char* extent : {"N", "W", "H"})
      type.mutable_shape()->add_dim()->set_dim_param(extent);
    type.mutable_shape()->add_dim()->set_dim_value(channels);
  }

  /// Its name.
  std::string addTensor(const std::vector<int>& shape, const std::vector<float>& numbers) {
    onnx::TensorProto& tensor = *graph().add_initializer();
    tensor.set_name("weights" + std::to_string(graph().initializer_size()));
    for (const int extent : shape)
      tensor.add_dims(extent);
    tensor.set_data_type(onnx::TensorProto::FLOAT);
    // Either form of the numbers.
    if (graph().initializer_size() % 2 == 0) {
      tensor.set_raw_data(numbers.data(), numbers.size() * sizeof(float));
    } else {
      tensor.mutable_float_data()->Assign(numbers.begin(), numbers.end());
    }
    return tensor.name();
  }

  void addNode(const std::string& op, const std::vector<std::string>& tensors) {
    onnx::NodeProto& node = *graph().add_node();
    node.set_op_type(op);
    node.set_name(op + std::to_string(graph().node_size()));
    node.add_input(at_);
    for (const std::string& tensor : tensors)
      node.add_input(tensor);
    at_ = node.name() + "_out";
    node.add_output(at_);
  }

  onnx::AttributeProto& addAttribute(const std::string& name) {
    onnx::AttributeProto& attribute = *graph().mutable_node()->rbegin()->add_attribute();
    attribute.set_name(name);
    return attribute;
  }
  /// One number that is no list (axis) is an INT.
  void addInts(const std::string& name, const std::vector<int>& numbers) {
    onnx::AttributeProto& attribute = addAttribute(name);
    attribute.set_type(numbers.size() == 1 ? onnx::AttributeProto::INT
                                           : onnx::AttributeProto::INTS);
    if (numbers.size() == 1) attribute.set_i(numbers[0]);
    if (numbers.size() > 1) attribute.mutable_ints()->Assign(numbers.begin(), numbers.end());
  }
  void addPadding(const std::string& kind) {
    onnx::AttributeProto& attribute = addAttribute("auto_pad");
    attribute.set_type(onnx::AttributeProto::STRING);
    attribute.set_s(kind);
  }

  void addTranspose(const std::vector<int>& order) {
    addNode("Transpose", {});
    addInts("perm", order);
  }

  void addProduct(const MtcnnLayerTable& layer, const MtcnnLayerWeights::Part& part, int outputs) {
    const int k = layer.kernel;
    if (!layer.dense) {
      addNode("Conv", {addTensor({outputs, layer.inputs, k, k}, part.weights),
                       addTensor({outputs}, part.bias)});
      addPadding("VALID");
      addInts("kernel_shape", {k, k});
      addInts("strides", {1, 1});
      return;
    }
    std::vector<float> matrix;
    for (int x = 0; x < k; ++x) {
      for (int y = 0; y < k; ++y) {
        for (int c = 0; c < layer.inputs; ++c) {
          for (int o = 0; o < outputs; ++o) {
            const int from = ((o * layer.inputs + c) * k + x) * k + y;
            matrix.push_back(part.weights[static_cast<size_t>(from)]);
          }
        }
      }
    }
    addNode("MatMul", {addTensor({layer.inputs * k * k, outputs}, matrix)});
    addNode("Add", {addTensor({outputs}, part.bias)});
  }

  void addHeads(const MtcnnLayerTable& layer, const MtcnnLayerWeights& weights) {
    const std::string trunk = at_;
    for (size_t p = layer.parts.size(); p-- > 0;) {
      at_ = trunk;
      addProduct(layer, weights.parts[p], layer.parts[p].outputs);
      if (!layer.dense) addTranspose({0, 2, 3, 1});
      if (layer.parts[p].outputs == 2) {
        addNode("Softmax", {});
        addInts("axis", {layer.dense ? 1 : 3});
      }
      addValue(*graph().add_output(), at_, layer.parts[p].outputs);
    }
  }

  onnx::ModelProto model_;
  std::string at_;
};

inline onnx::ModelProto mtcnnOnnx(const MtcnnTable& table,
                                  const std::vector<MtcnnLayerWeights>& weights) {
  return MtcnnOnnxWriter(table, weights).model();
}

}  // namespace sphereface
