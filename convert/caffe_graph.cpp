// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <algorithm>
#include <map>
#include <utility>

#include "base/error.h"
#include "convert/caffe_network.h"

namespace sphereface {
namespace {

/// What a blob holds: an output of convolution `conv`, before or after its PReLU, or after the
/// residual addition.
struct Value {
  enum class Kind { kConv, kActivation, kSum } kind = Kind::kConv;
  size_t conv = 0;

  bool operator==(const Value&) const = default;
};

class GraphCheck {
 public:
  GraphCheck(const NamedNet& named, const Network& network)
      : net_(named.net), name_(named.name), network_(network), fc_(embeddingLayer(network)) {
    for (size_t i = 0; i < network.convs.size(); ++i)
      convs_.emplace(network.convs[i].name, i);
  }

  void run() {
    for (const caffe::LayerParameter& layer : net_.layer())
      follow(layer);
    if (!found_embedding_) throw Error(concat(name_, ": layer ", fc_, " is missing"));
  }

 private:
  [[noreturn]] void fail(const caffe::LayerParameter& layer, const std::string& what) const {
    throw Error(
        concat(name_, ": layer ", layer.name(), " ", what, ", so this is no SphereFace network"));
  }

  /// What the next convolution takes.
  Value outputOf(size_t conv) const {
    return {network_.convs[conv].residual_from >= 0 ? Value::Kind::kSum : Value::Kind::kActivation,
            conv};
  }

  /// Null for blobs before the first convolution and behind the embedding.
  const Value* input(const caffe::LayerParameter& layer, int index) const {
    const auto value = values_.find(layer.bottom(index));
    return value == values_.end() ? nullptr : &value->second;
  }

  void follow(const caffe::LayerParameter& layer) {
    const auto conv = convs_.find(layer.name());
    const Value* in = layer.bottom().empty() ? nullptr : input(layer, 0);
    if (conv != convs_.end()) {
      makeConvolution(layer, conv->second, in);
    } else if (layer.name() == fc_) {
      checkEmbedding(layer, in);
    } else if (in == nullptr || layer.top().empty()) {
      return;  // data, or behind the embedding
    } else if (layer.type() == "PReLU") {
      if (in->kind != Value::Kind::kConv) fail(layer, "follows no convolution");
      values_[layer.top(0)] = {Value::Kind::kActivation, in->conv};
    } else if (layer.type() == "Eltwise") {
      add(layer);
    } else if (layer.type() == "Split" || layer.type() == "Dropout") {
      const Value same = *in;
      for (const std::string& top : layer.top())
        values_[top] = same;
    } else {
      fail(layer, concat("is a ", layer.type()));
    }
  }

  void makeConvolution(const caffe::LayerParameter& layer, size_t index, const Value* in) {
    const ConvLayer& conv = network_.convs[index];
    if (layer.type() != "Convolution") fail(layer, concat("is a ", layer.type()));
    // The first one takes the image, whatever made it.
    if (index > 0 && (in == nullptr || *in != outputOf(index - 1))) {
      fail(layer, concat("doesn't take the output of ", network_.convs[index - 1].name));
    }
    checkParameters(layer, conv);
    if (layer.top().empty()) fail(layer, "makes nothing");
    values_[layer.top(0)] = {Value::Kind::kConv, index};
  }

  void checkParameters(const caffe::LayerParameter& layer, const ConvLayer& conv) const {
    if (!layer.has_convolution_param()) return;
    const caffe::ConvolutionParameter& has = layer.convolution_param();
    const auto all = [](const auto& values, uint32_t expected) {
      return std::ranges::all_of(values, [&](uint32_t value) { return value == expected; });
    };
    const auto stride = static_cast<uint32_t>(conv.stride);
    const bool right = all(has.kernel_size(), 3) && !has.kernel_size().empty() &&
                       all(has.pad(), 1) && !has.pad().empty() && all(has.stride(), stride) &&
                       (stride == 1 || !has.stride().empty()) && all(has.dilation(), 1) &&
                       has.group() == 1 && has.bias_term();
    if (!right) {
      fail(layer, concat("isn't 3x3 with pad 1, stride ", stride, ", one group and a bias"));
    }
    if (has.num_output() != static_cast<uint32_t>(conv.out_channels)) {
      fail(layer, concat("has ", has.num_output(), " outputs, its stage ", conv.out_channels));
    }
  }

  void add(const caffe::LayerParameter& layer) {
    const caffe::EltwiseParameter& how = layer.eltwise_param();
    const bool sum = how.operation() == caffe::EltwiseParameter::SUM &&
                     std::ranges::all_of(how.coeff(), [](float c) { return c == 1; });
    if (!sum || layer.bottom_size() != 2) fail(layer, "isn't the sum of two");
    const Value* a = input(layer, 0);
    const Value* b = input(layer, 1);
    if (a != nullptr && b != nullptr && a->conv > b->conv) std::swap(a, b);
    const int from = b == nullptr ? -1 : network_.convs[b->conv].residual_from;
    if (a == nullptr || from < 0 || *b != Value{Value::Kind::kActivation, b->conv} ||
        *a != outputOf(static_cast<size_t>(from))) {
      fail(layer, "doesn't add a unit's input to its output");
    }
    values_[layer.top(0)] = {Value::Kind::kSum, b->conv};
  }

  void checkEmbedding(const caffe::LayerParameter& layer, const Value* in) {
    const size_t last = network_.convs.size() - 1;
    if (layer.type() != "InnerProduct") fail(layer, concat("is a ", layer.type()));
    if (in == nullptr || *in != outputOf(last)) {
      fail(layer, concat("doesn't take the output of ", network_.convs[last].name));
    }
    if (layer.has_inner_product_param() && !layer.inner_product_param().bias_term()) {
      fail(layer, "has no bias");
    }
    found_embedding_ = true;
  }

  const caffe::NetParameter& net_;
  const std::string& name_;
  const Network& network_;
  std::string fc_;
  std::map<std::string, size_t, std::less<>> convs_;
  std::map<std::string, Value, std::less<>> values_;
  bool found_embedding_ = false;
};

}  // namespace

void checkGraph(const NamedNet& named, const Network& network) {
  const caffe::LayerParameter* first = findLayer(named.net, network.convs.front().name);
  if (first == nullptr || first->type().empty() || first->bottom().empty()) return;
  GraphCheck(named, network).run();
}

}  // namespace sphereface
