// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/error.h"
#include "convert/caffe_affine.h"
#include "convert/caffe_network.h"

namespace sphereface {
namespace {

using Layer = caffe::LayerParameter;

/// What a blob holds. Images: `affine` of them, and whether the plain ones, the mirrored ones or
/// both are there. Outputs of convolution `conv`: before or after its PReLU, or after the residual
/// addition. Features: as fcN and what was folded since make them, of which `version` counts the
/// layers, or of length 1, or what the head `layer` makes of them. Foreign: `layer` has made
/// something that no SphereFace network has. `layer` is also who mirrored the images.
struct Value {
  enum class Kind {
    kImage,
    kConv,
    kActivation,
    kSum,
    kEmbedding,
    kHalf,    // the features of one half of a batch of images and mirror images
    kJoined,  // of length 1, or the sum with the mirror image's
    kLogits,
    kEnd,  // what `layer` measured
    kForeign
  } kind = Kind::kImage;
  size_t conv = 0;
  int version = 0;
  bool plain = true;
  bool mirrored = false;
  Affine affine = {};
  const Layer* layer = nullptr;
  std::string why = {};
};

bool isSum(const Layer& layer) {
  const caffe::EltwiseParameter& how = layer.eltwise_param();
  return how.operation() == caffe::EltwiseParameter::SUM &&
         std::ranges::all_of(how.coeff(), [](float c) { return c == 1; });
}

bool overBatch(const caffe::ConcatParameter& parameter) {
  return parameter.has_concat_dim() ? parameter.concat_dim() == 0 : parameter.axis() == 0;
}

bool overBatch(const caffe::SliceParameter& parameter) {
  return parameter.has_slice_dim() ? parameter.slice_dim() == 0 : parameter.axis() == 0;
}

/// Measures or reports, and gives the net nothing back.
bool isEnd(const Layer& layer) {
  static const std::set<std::string, std::less<>> kEnds = {"Accuracy", "ArgMax", "InterClass",
                                                           "Silence", "Softmax"};
  return kEnds.contains(layer.type()) || layer.type().ends_with("Loss");
}

class Graph {
 public:
  Graph(const NamedNet& named, const NamedNet& weights, const Network& network)
      : net_(named.net),
        name_(named.name),
        weights_(weights),
        network_(network),
        fc_(embeddingLayer(network)),
        classifier_(classifierLayer(network)) {
    for (size_t i = 0; i < network.convs.size(); ++i)
      convs_.emplace(network.convs[i].name, i);
    graph_.image = identityAffine(static_cast<size_t>(network.channels));
    graph_.embedding = identityAffine(static_cast<size_t>(network.embedding));
  }

  CaffeGraph run() {
    for (const Layer& layer : net_.layer())
      follow(layer);
    if (!made_.contains(fc_)) throw Error(concat(name_, ": layer ", fc_, " is missing"));
    if (no_head_yet_ != nullptr) {
      fail(*no_head_yet_, concat("stands behind ", fc_, ", and no loss behind it"));
    }
    return std::move(graph_);
  }

 private:
  using Kind = Value::Kind;

  [[noreturn]] void fail(const Layer& layer, const std::string& what) const {
    refuseLayer(name_, layer, what);
  }

  /// The blob that a layer takes; one that no layer made is the images.
  Value input(const Layer& layer, int index) const {
    if (index >= layer.bottom_size()) fail(layer, "takes nothing");
    const auto value = values_.find(layer.bottom(index));
    if (value != values_.end()) return value->second;
    return {.affine = identityAffine(static_cast<size_t>(network_.channels))};
  }

  /// errors: Error naming the layer that made something foreign.
  Value inputOfNetwork(const Layer& layer, int index) const {
    Value value = input(layer, index);
    if (value.kind == Kind::kForeign) fail(*value.layer, value.why);
    return value;
  }

  void setAll(const Layer& layer, const Value& value) {
    for (const std::string& top : layer.top()) {
      const bool in_place = std::ranges::find(layer.bottom(), top) != layer.bottom().end();
      const auto [maker, first] = makers_.try_emplace(top, &layer);
      if (!first && !in_place && !conditional(layer)) {
        fail(layer, concat("makes ", top, ", which layer ", maker->second->name(), " has made"));
      }
      values_[top] = value;
    }
  }

  void setForeign(const Layer& layer, const std::string& why) {
    setAll(layer, {.kind = Kind::kForeign, .layer = &layer, .why = why});
  }

  static std::string typeOf(const Layer& layer) { return concat("is a ", layer.type()); }

  static bool conditional(const Layer& layer) {
    return !layer.include().empty() || !layer.exclude().empty();
  }

  static bool isFeature(const Value& value) {
    return value.kind >= Kind::kEmbedding && value.kind != Kind::kForeign;
  }

  /// Something foreign is left alone as long as it stays beside the way to the feature.
  void passOn(const Layer& layer, const Value& foreign) {
    bool joins = layer.name() == classifier_;
    for (int i = 0; i < layer.bottom_size(); ++i)
      joins |= isFeature(input(layer, i));
    if (joins && !isEnd(layer)) fail(*foreign.layer, foreign.why);
    setAll(layer, foreign);
  }

  void follow(const Layer& layer) {
    const auto conv = convs_.find(layer.name());
    if (conv != convs_.end()) return makeConvolution(layer, conv->second);
    if (layer.name() == fc_) return makeEmbedding(layer);
    if (layer.bottom().empty()) return readImages(layer);
    const Value in = input(layer, 0);
    for (int i = 0; i < layer.bottom_size(); ++i) {
      const Value value = input(layer, i);
      if (value.kind == Kind::kForeign) return passOn(layer, value);
      if (isFeature(value) && !isFeature(in)) fail(layer, "takes the embedding and something else");
    }
    if (isFeature(in)) return followFeature(layer, in);
    if (layer.type() == "Split" || layer.type() == "Dropout") return setAll(layer, in);
    if (layer.type() == "Silence" || layer.type() == "Accuracy") return;
    if (conditional(layer)) return setForeign(layer, "is only there in one phase or stage");
    if (in.kind == Kind::kImage) return followImage(layer, in);
    if (layer.type() == "PReLU") return activate(layer, in);
    if (layer.type() == "Eltwise") return add(layer);
    setForeign(layer, typeOf(layer));
  }

  // ---------------------------------------------------------------- ahead of the first convolution

  /// Layers that read files hold bytes until their transformation; programs give the others images
  /// as the engine has them, but for a transformation that is said.
  void readImages(const Layer& layer) {
    if (layer.top().empty()) return;
    static const std::set<std::string, std::less<>> kGiven = {"Input", "MemoryData", "HDF5Data",
                                                              "DummyData", ""};
    const bool of_files = layer.type() == "Data" || layer.type() == "ImageData";
    if (!of_files && !kGiven.contains(layer.type())) return setForeign(layer, typeOf(layer));
    Value value{.affine = identityAffine(static_cast<size_t>(network_.channels))};
    if (of_files || layer.has_transform_param()) transform(layer, value.affine);
    const auto before = values_.find(layer.top(0));
    if (before != values_.end() && before->second.affine != value.affine) {
      fail(layer,
           concat("normalises images otherwise than another layer that makes ", layer.top(0)));
    }
    values_[layer.top(0)] = value;
  }

  void transform(const Layer& layer, Affine& affine) const {
    const caffe::TransformationParameter& parameter = layer.transform_param();
    checkKnown(layer, parameter);
    if (parameter.force_gray() || !layer.image_data_param().is_color()) {
      fail(layer, "reads images without colours");
    }
    const auto& means = parameter.mean_value();
    const int channels = network_.channels;
    if (means.size() > 1 && means.size() != channels) {
      fail(layer, concat("has ", means.size(), " mean values"));
    }
    for (int c = 0; c < channels; ++c) {
      const double mean = means.empty() ? 0 : means.Get(means.size() == 1 ? 0 : c);
      affine.scale[static_cast<size_t>(c)] = parameter.scale() / double{network_.scale};
      affine.shift[static_cast<size_t>(c)] = (network_.mean - mean) * parameter.scale();
    }
  }

  void followImage(const Layer& layer, const Value& in) {
    Value out = in;
    if (layer.type() == "Flip") {
      checkKnown(layer, layer);
      if (layer.flip_param().flip_height()) return setForeign(layer, "turns images upside down");
      if (layer.flip_param().flip_width()) std::swap(out.plain, out.mirrored);
      out.layer = &layer;
      setAll(layer, out);
    } else if (layer.type() == "Concat" && overBatch(layer.concat_param())) {
      for (int i = 1; i < layer.bottom_size(); ++i) {
        const Value other = input(layer, i);
        if (other.kind != Kind::kImage || other.affine != in.affine) {
          return setForeign(layer, "joins images with something else");
        }
        out.plain |= other.plain;
        out.mirrored |= other.mirrored;
      }
      setAll(layer, out);
    } else if (isAffine(layer)) {
      apply(layer, out.affine);
      setAll(layer, out);
    } else {
      setForeign(layer, concat(typeOf(layer), " ahead of ", network_.convs.front().name));
    }
  }

  void takeImages(const Layer& layer, const Value& in) {
    const std::string& first = layer.name();
    if (in.kind != Kind::kImage) fail(layer, "doesn't take the images");
    if (!in.plain) fail(*in.layer, concat("gives ", first, " mirror images alone"));
    const auto zero = [](double shift) { return shift == 0; };
    if (!std::ranges::all_of(in.affine.shift, zero)) {
      const std::string around =
          concat("; ", first, " pads them with zeros, so that no bias makes up for it");
      if (graph_.folded.empty()) {
        throw Error(concat(name_, ": layer ", first,
                           " takes images that a data layer normalises otherwise than (byte - "
                           "127.5) * 0.0078125",
                           around));
      }
      throw Error(concat(name_, ": layer ", graph_.folded.back(), ", adds to the images ahead of ",
                         first, around));
    }
    if (in.affine != graph_.image && graph_.folded.empty()) {
      graph_.folded.push_back("of the data, with another scale than 0.0078125");
    }
    graph_.image = in.affine;
    both_ = in.mirrored;
  }

  void checkKnown(const Layer& layer, const google::protobuf::Message& part) const {
    checkKnownFields(name_, layer, part);
  }

  /// What the layer does, behind what `affine` does.
  void apply(const Layer& layer, Affine& affine) {
    const Affine own = readAffine(name_, layer, weights_, affine.scale.size());
    for (size_t c = 0; c < affine.scale.size(); ++c) {
      affine.scale[c] *= own.scale[c];
      affine.shift[c] = affine.shift[c] * own.scale[c] + own.shift[c];
      if (!std::isfinite(affine.scale[c]) || !std::isfinite(affine.shift[c])) {
        fail(layer, "makes numbers that aren't finite");
      }
    }
    graph_.folded.push_back(concat(layer.name(), ", a ", layer.type()));
  }

  // ------------------------------------------------------------------------------- the network

  /// What the next convolution takes.
  bool isOutputOf(size_t conv, const Value& value) const {
    const bool sum = network_.convs[conv].residual_from >= 0;
    return value.kind == (sum ? Kind::kSum : Kind::kActivation) && value.conv == conv;
  }

  void makeOnce(const Layer& layer) {
    if (!made_.insert(layer.name()).second) fail(layer, "is there twice");
    if (conditional(layer)) fail(layer, "is only there in one phase or stage");
    if (layer.bottom_size() != 1 || layer.top_size() != 1) {
      fail(layer, concat("takes ", layer.bottom_size(), " blobs and makes ", layer.top_size()));
    }
    checkKnown(layer, layer);
  }

  void makeConvolution(const Layer& layer, size_t index) {
    const ConvLayer& conv = network_.convs[index];
    if (layer.type() != "Convolution") fail(layer, typeOf(layer));
    makeOnce(layer);
    const Value in = inputOfNetwork(layer, 0);
    if (index == 0) {
      takeImages(layer, in);
    } else if (!isOutputOf(index - 1, in)) {
      fail(layer, concat("doesn't take the output of ", network_.convs[index - 1].name));
    }
    checkParameters(layer, conv);
    setAll(layer, {.kind = Kind::kConv, .conv = index});
  }

  void checkParameters(const Layer& layer, const ConvLayer& conv) const {
    const caffe::ConvolutionParameter& has = layer.convolution_param();
    checkKnown(layer, has);
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

  /// A PReLU's slopes are found by its name.
  void activate(const Layer& layer, const Value& in) {
    if (in.kind != Kind::kConv) return setForeign(layer, "follows no convolution");
    const std::string name = "relu" + network_.convs[in.conv].name.substr(4);
    if (layer.name() != name) return setForeign(layer, concat("isn't called ", name));
    checkKnown(layer, layer);
    checkKnown(layer, layer.prelu_param());
    if (layer.prelu_param().channel_shared()) fail(layer, "has one slope for all channels");
    if (!made_.insert(name).second) fail(layer, "is there twice");
    setAll(layer, {.kind = Kind::kActivation, .conv = in.conv});
  }

  void add(const Layer& layer) {
    checkKnown(layer, layer.eltwise_param());
    if (!isSum(layer) || layer.bottom_size() != 2) return setForeign(layer, "isn't the sum of two");
    Value a = input(layer, 0);
    Value b = input(layer, 1);
    if (a.conv > b.conv) std::swap(a, b);
    const int from = network_.convs[b.conv].residual_from;
    if (from < 0 || b.kind != Kind::kActivation || !isOutputOf(static_cast<size_t>(from), a)) {
      return setForeign(layer, "doesn't add a unit's input to its output");
    }
    setAll(layer, {.kind = Kind::kSum, .conv = b.conv});
  }

  void makeEmbedding(const Layer& layer) {
    const size_t last = network_.convs.size() - 1;
    if (layer.type() != "InnerProduct") fail(layer, typeOf(layer));
    makeOnce(layer);
    if (!isOutputOf(last, inputOfNetwork(layer, 0))) {
      fail(layer, concat("doesn't take the output of ", network_.convs[last].name));
    }
    const caffe::InnerProductParameter& has = layer.inner_product_param();
    checkKnown(layer, has);
    if (!has.bias_term()) fail(layer, "has no bias");
    if (has.num_output() != static_cast<uint32_t>(network_.embedding)) {
      fail(layer, concat("has ", has.num_output(), " outputs, its weights ", network_.embedding));
    }
    if (has.normalize()) fail(layer, "normalises its weights");
    setAll(layer, {.kind = Kind::kEmbedding});
  }

  // ---------------------------------------------------------------------- behind the embedding

  void followFeature(const Layer& layer, const Value& in) {
    if (in.kind == Kind::kEmbedding && in.version != version_) {
      fail(layer, concat("takes the embedding without ", graph_.folded.back()));
    }
    if (layer.type() == "Split" || layer.type() == "Dropout") return setAll(layer, in);
    if (isEnd(layer)) {
      if (in.kind == Kind::kLogits) no_head_yet_ = nullptr;
      used_ |= in.kind == Kind::kEmbedding && layer.type() != "Silence";
      return setAll(layer, {.kind = Kind::kEnd, .layer = &layer});
    }
    switch (in.kind) {
      case Kind::kEmbedding:
        return followEmbedding(layer, in);
      case Kind::kHalf:
        return joinHalves(layer);
      case Kind::kJoined:
        if (layer.type() == "Normalize") return setAll(layer, in);
        return makeLogits(layer);
      case Kind::kEnd:
        fail(*in.layer, concat(typeOf(*in.layer), " that ", layer.name(), " takes"));
      default:
        if (layer.type() != "LabelSpecificAdd" && layer.type() != "Scale" &&
            layer.type() != "Power") {
          fail(layer, concat(typeOf(layer), " behind layer ", in.layer->name(),
                             ", which is taken for the classifier"));
        }
        return setAll(layer, in);
    }
  }

  void followEmbedding(const Layer& layer, const Value& in) {
    if (isAffine(layer)) {
      if (used_) fail(layer, "changes the embedding, which another layer takes as it is");
      if (conditional(layer)) fail(layer, "is only there in one phase or stage");
      apply(layer, graph_.embedding);
      return setAll(layer, {.kind = Kind::kEmbedding, .version = ++version_});
    }
    used_ = true;
    if (layer.type() == "Normalize") {
      setAll(layer, {.kind = Kind::kJoined});
    } else if (layer.type() == "Slice" && both_ && overBatch(layer.slice_param())) {
      setAll(layer, {.kind = Kind::kHalf, .version = in.version});
    } else {
      makeLogits(layer);
    }
  }

  void joinHalves(const Layer& layer) {
    for (int i = 0; i < layer.bottom_size(); ++i) {
      if (input(layer, i).kind != Kind::kHalf) fail(layer, "joins a feature with something else");
    }
    const bool sum = layer.type() == "Eltwise" && isSum(layer);
    const bool joined = layer.type() == "Concat" && !overBatch(layer.concat_param());
    if (!sum && !joined) fail(layer, concat(typeOf(layer), " of the mirror images' features"));
    graph_.notes.push_back(concat("layer ", layer.name(),
                                  " joins the features of image and mirror "
                                  "image: that is --mirror ",
                                  sum ? "sum" : "concat"));
    setAll(layer, {.kind = Kind::kJoined});
  }

  void makeLogits(const Layer& layer) {
    if (layer.type() != "InnerProduct" && layer.type() != "MarginInnerProduct") {
      fail(layer, concat(typeOf(layer), " behind ", fc_));
    }
    if (layer.name() != classifier_ && layer.type() == "InnerProduct") no_head_yet_ = &layer;
    setAll(layer, {.kind = Kind::kLogits, .layer = &layer});
  }

  const caffe::NetParameter& net_;
  const std::string& name_;
  const NamedNet& weights_;
  const Network& network_;
  std::string fc_;
  std::string classifier_;
  std::map<std::string, size_t, std::less<>> convs_;
  std::map<std::string, Value, std::less<>> values_;
  std::map<std::string, const Layer*, std::less<>> makers_;  // of blobs
  std::set<std::string> made_;                               // of the network's layers
  CaffeGraph graph_;
  bool both_ = false;  // images and mirror images make one batch
  int version_ = 0;    // how many layers were folded into the embedding
  bool used_ = false;  // somebody takes the embedding of that version
  const Layer* no_head_yet_ = nullptr;
};

}  // namespace

std::optional<CaffeGraph> followGraph(const NamedNet& named, const NamedNet& weights,
                                      const Network& network) {
  const auto connected = [](const Layer& layer) { return !layer.bottom().empty(); };
  if (std::ranges::none_of(named.net.layer(), connected)) return std::nullopt;
  return Graph(named, weights, network).run();
}

}  // namespace sphereface
