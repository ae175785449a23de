// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "convert/caffe_network.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "convert/trained_model.h"
#include "data/align/alignment_template.h"
#include "model/network_config.h"
#include "model/network_table.h"

namespace sphereface {
namespace {

constexpr uint32_t kLargestSide = 4096;
constexpr int64_t kMostOutputs = 1 << 20;  // of a layer

/// A whole number at the beginning of `text`, which loses it.
std::optional<uint32_t> takeNumber(std::string_view& text) {
  uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return value;
}

struct Place {
  uint32_t stage = 0;
  uint32_t number = 0;
};

/// "conv3_2" -> 3, 2.
std::optional<Place> placeOf(std::string_view name) {
  if (!name.starts_with("conv")) return std::nullopt;
  name.remove_prefix(4);
  const std::optional<uint32_t> stage = takeNumber(name);
  if (!stage || !name.starts_with('_')) return std::nullopt;
  name.remove_prefix(1);
  const std::optional<uint32_t> number = takeNumber(name);
  if (!number || !name.empty() || *stage == 0 || *number == 0) return std::nullopt;
  return Place{*stage, *number};
}

/// Outputs of a convolution or inner product, 0: the layer doesn't say.
int64_t outputsOf(const caffe::LayerParameter& layer) {
  if (layer.has_convolution_param()) return layer.convolution_param().num_output();
  if (layer.has_inner_product_param()) return layer.inner_product_param().num_output();
  if (layer.blobs().empty()) return 0;
  const std::vector<int64_t> shape = blobShape(layer.blobs(0));
  if (shape.size() < 2) return 0;
  // Legacy: a convolution is out x in x kh x kw, an inner product 1 x 1 x out x in.
  const bool padded = shape.size() == 4 && shape[0] == 1 && shape[1] == 1;
  return padded ? shape[2] : shape[0];
}

/// Inputs of an inner product, 0: the layer doesn't say.
int64_t inputsOf(const caffe::LayerParameter& layer) {
  if (layer.blobs().empty()) return 0;
  const std::vector<int64_t> shape = blobShape(layer.blobs(0));
  return shape.empty() ? 0 : shape.back();
}

/// The first of the nets that has such a layer and says what is asked for; 0: none.
int64_t askNets(const std::vector<NamedNet>& nets, const std::string& layer,
                int64_t (*question)(const caffe::LayerParameter&)) {
  for (const NamedNet& named : nets) {
    const caffe::LayerParameter* found = findLayer(named.net, layer);
    const int64_t answer = found == nullptr ? 0 : question(*found);
    if (answer != 0) return answer;
  }
  return 0;
}

uint32_t outputsOf(const std::vector<NamedNet>& nets, const std::string& layer) {
  const int64_t outputs = askNets(nets, layer, outputsOf);
  if (outputs < 1 || outputs > kMostOutputs) {
    throw Error(concat(nets.front().name, ": layer ", layer, " has ", outputs,
                       " outputs, neither num_output nor a blob says a possible number"));
  }
  return static_cast<uint32_t>(outputs);
}

/// Convolutions of each stage.
std::vector<uint32_t> countConvolutions(const NamedNet& named) {
  std::map<uint32_t, std::map<uint32_t, std::string>> stages;
  for (const caffe::LayerParameter& layer : named.net.layer()) {
    if (const std::optional<Place> place = placeOf(layer.name())) {
      stages[place->stage][place->number] = layer.name();
    }
  }
  if (stages.empty()) {
    throw Error(concat(named.name,
                       ": no SphereFace network: none of its layers is called conv1_1, and so on"));
  }
  std::vector<uint32_t> counts;
  for (const auto& [stage, numbers] : stages) {
    uint32_t expected = 1;
    const std::string prefix = concat("conv", counts.size() + 1, "_");
    for (const auto& [number, layer] : numbers) {
      if (stage != counts.size() + 1 || number != expected) {
        throw Error(concat(named.name, ": layer ", prefix, expected,
                           " is missing, though there is ", layer));
      }
      ++expected;
    }
    const auto count = static_cast<uint32_t>(numbers.size());
    if (count % 2 == 0) {
      throw Error(concat(named.name, ": stage ", stage, " has ", count,
                         " convolutions; SphereFace's have one, and two for each residual unit"));
    }
    counts.push_back(count);
  }
  return counts;
}

struct Input {
  std::vector<int64_t> shape;  // height and width last; empty: not told
  std::string from;
};

/// What the nets' inputs and data layers say of an image.
Input inputOf(const std::vector<NamedNet>& nets) {
  for (const auto& [net, name] : nets) {
    if (!net.input_shape().empty()) {
      const auto& dims = net.input_shape(0).dim();
      return {{dims.begin(), dims.end()}, concat("input_shape of ", name)};
    }
    if (!net.input_dim().empty()) {
      return {{net.input_dim().begin(), net.input_dim().end()}, concat("input_dim of ", name)};
    }
    for (const caffe::LayerParameter& layer : net.layer()) {
      const std::string from = concat("layer ", layer.name(), " of ", name);
      const caffe::ImageDataParameter& images = layer.image_data_param();
      const caffe::MemoryDataParameter& memory = layer.memory_data_param();
      const uint32_t crop = layer.transform_param().crop_size();
      if (!layer.input_param().shape().empty()) {
        const auto& dims = layer.input_param().shape(0).dim();
        return {{dims.begin(), dims.end()}, from};
      }
      if (crop > 0) return {{crop, crop}, from};
      if (layer.has_memory_data_param()) {
        return {{memory.channels(), memory.height(), memory.width()}, from};
      }
      if (images.new_height() > 0) return {{images.new_height(), images.new_width()}, from};
    }
  }
  return {};
}

ImageSize sizeOf(const Input& input) {
  const size_t count = input.shape.size();
  const bool images = count >= 2 && count <= 4 && (count == 2 || input.shape[count - 3] == 3);
  const auto possible = [](int64_t side) { return side >= 1 && side <= kLargestSide; };
  if (!images || !possible(input.shape[count - 2]) || !possible(input.shape[count - 1])) {
    throw Error(concat(input.from, ": an input of ", shapeText(input.shape),
                       ", expected images 3 x height x width, up to ", kLargestSide));
  }
  return {static_cast<uint32_t>(input.shape[count - 2]),
          static_cast<uint32_t>(input.shape[count - 1])};
}

/// What those of the nets that say it say of the graph: all have to say the same.
std::optional<CaffeGraph> graphOf(const std::vector<NamedNet>& nets, const Network& network) {
  std::optional<CaffeGraph> graph;
  for (const NamedNet& named : nets) {
    std::optional<CaffeGraph> other = followGraph(named, nets.back(), network);
    if (!other) continue;
    if (graph && (graph->image != other->image || graph->embedding != other->embedding)) {
      throw Error(concat(nets.front().name, " and ", named.name,
                         " do different things ahead of the first convolution or behind the "
                         "embedding"));
    }
    if (!graph) graph = std::move(other);
  }
  return graph;
}

/// The network of a table that was found in a file.
Network buildFound(const NetworkConfig& config, const std::string& name) {
  try {
    return buildNetwork(config);
  } catch (const UsageError& e) {
    throw Error(concat(name, ": ", e.what()));
  }
}

/// Of a built-in table when there is one like it.
void nameTable(NetworkConfig& config, const std::string& file) {
  config.set_name("custom");
  const Network network = buildFound(config, file);
  const auto alike = [](const ConvLayer& a, const ConvLayer& b) {
    return a.name == b.name && a.out_channels == b.out_channels;
  };
  for (const std::string& name : knownNetworkNames()) {
    const Network known = buildNetwork(NetworkTable{name});
    if (std::ranges::equal(known.convs, network.convs, alike)) {
      config.set_name(name);
      config.clear_stage();
    }
  }
}

}  // namespace

ImageSize parseImageSize(const std::string& text) {
  std::string_view rest = text;
  const std::optional<uint32_t> height = takeNumber(rest);
  const bool separated = rest.starts_with('x');
  if (separated) rest.remove_prefix(1);
  const std::optional<uint32_t> width = takeNumber(rest);
  const auto possible = [](uint32_t side) { return side >= 1 && side <= kLargestSide; };
  if (!height || !separated || !width || !rest.empty() || !possible(*height) || !possible(*width)) {
    throw UsageError(concat("image size \"", text, "\": expected height x width, such as 112x96"));
  }
  return {*height, *width};
}

CaffeNetwork recognizeNetwork(const std::vector<NamedNet>& nets, std::optional<ImageSize> size) {
  CaffeNetwork found;
  const std::vector<uint32_t> counts = countConvolutions(nets.front());
  for (size_t s = 0; s < counts.size(); ++s) {
    NetworkConfig::Stage& stage = *found.config.add_stage();
    stage.set_channels(outputsOf(nets, concat("conv", s + 1, "_1")));
    stage.set_units((counts[s] - 1) / 2);
  }
  nameTable(found.config, nets.front().name);
  const std::string fc = concat("fc", counts.size() + 1);
  if (findLayer(nets.front().net, fc) == nullptr) {
    throw Error(concat(nets.front().name, ": layer ", fc, " is missing"));
  }
  found.config.set_embedding(outputsOf(nets, fc));

  const Input input = inputOf(nets);
  if (size) {
    const ImageSize told = input.shape.empty() ? *size : sizeOf(input);
    if (told.height != size->height || told.width != size->width) {
      throw Error(concat(input.from, ": images of ", told.height, "x", told.width, ", not of ",
                         size->height, "x", size->width, " as given"));
    }
    found.size_from = "given";
  } else if (!input.shape.empty()) {
    size = sizeOf(input);
    found.size_from = input.from;
  } else {
    size = {kAlignedHeight, kAlignedWidth};
    found.size_from = "not told by the model: SphereFace's";
  }
  found.config.set_height(size->height);
  found.config.set_width(size->width);
  found.network = buildFound(found.config, nets.front().name);
  const int64_t inputs = askNets(nets, fc, inputsOf);
  if (inputs != 0 && inputs != static_cast<int64_t>(found.network.fc_inputs)) {
    const ConvLayer& last = found.network.convs.back();
    throw Error(concat(nets.back().name, ": ", fc, " has ", inputs, " inputs, but images of ",
                       size->height, "x", size->width, " (", found.size_from, ") give ",
                       last.out_channels, " x ", last.out_height, " x ", last.out_width,
                       "; say the images' size with --prototxt or --image-size"));
  }
  found.graph = graphOf(nets, found.network);
  return found;
}

std::string embeddingLayer(const Network& network) {
  return layerOf(network.parameters.front());
}

std::string classifierLayer(const Network& network) {
  const std::string fc = embeddingLayer(network);
  return concat("fc", std::stoi(fc.substr(2)) + 1);
}

std::vector<int64_t> blobShape(const caffe::BlobProto& blob) {
  if (blob.has_shape() || !blob.has_num()) {
    return {blob.shape().dim().begin(), blob.shape().dim().end()};
  }
  return {blob.num(), blob.channels(), blob.height(), blob.width()};
}

bool hasShape(const caffe::BlobProto& blob, const std::vector<int64_t>& shape) {
  std::vector<int64_t> have = blobShape(blob);
  if (!blob.has_shape() && have.size() > shape.size()) {
    const auto first = have.begin();
    const auto end = first + static_cast<ptrdiff_t>(have.size() - shape.size());
    if (!std::all_of(first, end, [](int64_t extent) { return extent == 1; })) return false;
    have.erase(first, end);
  }
  return have == shape;
}

const caffe::LayerParameter* findLayer(const caffe::NetParameter& net, const std::string& name) {
  const auto layer = std::ranges::find_if(
      net.layer(), [&](const caffe::LayerParameter& l) { return l.name() == name; });
  return layer == net.layer().end() ? nullptr : &*layer;
}

}  // namespace sphereface
