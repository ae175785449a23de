// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "convert/caffe_import.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <set>
#include <span>
#include <utility>

#include "base/error.h"

namespace sphereface {
namespace {

/// Of a blob with both, the doubles count, as in Caffe.
int64_t numbersIn(const caffe::BlobProto& blob) {
  return blob.double_data().empty() ? blob.data_size() : blob.double_data_size();
}

std::string describe(const caffe::BlobProto& blob) {
  return concat(shapeText(blobShape(blob)), " (", numbersIn(blob), " numbers)");
}

/// errors: Error when the blob isn't shaped so, or hasn't got as many numbers.
void checkBlob(const caffe::BlobProto& blob, const std::vector<int64_t>& shape,
               const std::string& what) {
  int64_t count = 1;
  for (const int64_t extent : shape)
    count *= extent;
  if (!hasShape(blob, shape) || numbersIn(blob) != count) {
    throw Error(concat(what, " is ", describe(blob), ", expected ", shapeText(shape)));
  }
}

void copyBlob(const caffe::BlobProto& blob, std::span<float> to) {
  if (blob.double_data().empty()) {
    std::copy(blob.data().begin(), blob.data().end(), to.begin());
  } else {
    std::transform(blob.double_data().begin(), blob.double_data().end(), to.begin(),
                   [](double value) { return static_cast<float>(value); });
  }
}

const caffe::BlobProto& blobOf(const NamedNet& weights, const Parameter& parameter) {
  const std::string name = layerOf(parameter);
  const caffe::LayerParameter* layer = findLayer(weights.net, name);
  if (layer == nullptr) throw Error(concat(weights.name, ": layer ", name, " is missing"));
  const int index = blobIndexOf(parameter);
  if (index >= layer->blobs_size()) {
    throw Error(concat(weights.name, ": layer ", name, " has ", layer->blobs_size(),
                       " blobs, expected at least ", index + 1));
  }
  return layer->blobs(index);
}

std::vector<int64_t> shapeOf(const Parameter& parameter) {
  return {parameter.shape.begin(), parameter.shape.end()};
}

/// Makes the network do what stood around it: scales the input's channels in the first convolution,
/// and maps the embedding's numbers in fcN. The head takes the mapped ones already.
void fold(const CaffeGraph& graph, TrainedModel& model) {
  const Network& network = model.network;
  const auto values = [&](const std::string& name) {
    const auto parameter = std::ranges::find(network.parameters, name, &Parameter::name);
    return std::span(model.parameters).subspan(parameter->offset, parameter->count);
  };
  const auto times = [](float& value, double factor) {
    value = static_cast<float>(value * factor);
  };
  const std::span<float> first = values(network.convs.front().name + ".0");
  const size_t channels = graph.image.scale.size();
  constexpr size_t kKernel = 9;
  for (size_t i = 0; i < first.size(); ++i)
    times(first[i], graph.image.scale[i / kKernel % channels]);
  const std::span<float> weight = values(embeddingLayer(network) + ".0");
  const std::span<float> bias = values(embeddingLayer(network) + ".1");
  for (size_t i = 0; i < weight.size(); ++i)
    times(weight[i], graph.embedding.scale[i / network.fc_inputs]);
  for (size_t i = 0; i < bias.size(); ++i) {
    bias[i] = static_cast<float>(bias[i] * graph.embedding.scale[i] + graph.embedding.shift[i]);
  }
}

/// Classes of the classifier, 0 when there is none.
uint32_t checkClassifier(const NamedNet& weights, const caffe::LayerParameter* classifier,
                         const Network& network) {
  if (classifier == nullptr || classifier->blobs().empty()) return 0;
  const caffe::BlobProto& blob = classifier->blobs(0);
  const int64_t embedding = network.embedding;
  const int64_t classes = numbersIn(blob) / embedding;
  if (classes == 0) {
    throw Error(concat(weights.name, ": layer ", classifier->name(), " is ", describe(blob),
                       ", expected classes x ", embedding));
  }
  checkBlob(blob, {classes, embedding}, concat(weights.name, ": layer ", classifier->name()));
  return static_cast<uint32_t>(classes);
}

/// Caffe takes the last of several layers of a name, and their order isn't for us to judge.
void checkNames(const NamedNet& weights) {
  std::set<std::string> names;
  for (const caffe::LayerParameter& layer : weights.net.layer()) {
    if (!layer.blobs().empty() && !names.insert(layer.name()).second) {
      throw Error(concat(weights.name, ": two layers with weights are called ", layer.name()));
    }
  }
}

void noteUnused(const NamedNet& weights, const std::string& classifier, const Network& network,
                bool connected, std::vector<std::string>& notes) {
  std::set<std::string> used = {classifier};
  for (const Parameter& parameter : network.parameters)
    used.insert(layerOf(parameter));
  for (const caffe::LayerParameter& layer : weights.net.layer()) {
    if (layer.blobs().empty()) continue;
    if (!used.contains(layer.name())) {
      if (!connected) {
        throw Error(concat(weights.name, ": layer ", layer.name(), ", ", describe(layer.blobs(0)),
                           ", is none of a SphereFace network, and nothing says what it does; "
                           "--prototxt names the net"));
      }
      notes.push_back(concat("left out: layer ", layer.name(), ", ", describe(layer.blobs(0)),
                             ", which the network hasn't got"));
    } else if (layer.name() == classifier && layer.blobs_size() > 1) {
      notes.push_back(concat("left out: the bias of the classifier ", classifier));
    }
  }
}

}  // namespace

CaffeImport importCaffe(const std::vector<NamedNet>& nets, std::optional<ImageSize> size) {
  const NamedNet& weights = nets.back();
  checkNames(weights);
  CaffeNetwork found = recognizeNetwork(nets, size);
  const Network& network = found.network;
  for (const Parameter& parameter : network.parameters) {
    checkBlob(
        blobOf(weights, parameter), shapeOf(parameter),
        concat(weights.name, ": layer ", layerOf(parameter), ", blob ", blobIndexOf(parameter)));
  }
  const std::string classifier_name = classifierLayer(network);
  const caffe::LayerParameter* classifier = findLayer(weights.net, classifier_name);
  const uint32_t classes = checkClassifier(weights, classifier, network);

  // All that is allocated from here on was found in the file.
  CaffeImport result;
  TrainedModel& model = result.model;
  model.network = network;
  *model.manifest.mutable_config()->mutable_network() = std::move(found.config);
  model.manifest.set_step(0);
  model.manifest.set_forward_passes(0);
  model.manifest.set_classes(classes);
  assumePublishedPreprocessing(model);
  model.parameters.resize(network.parameter_count +
                          size_t{classes} * static_cast<size_t>(network.embedding));
  const std::span<float> arena = model.parameters;
  for (const Parameter& parameter : network.parameters)
    copyBlob(blobOf(weights, parameter), arena.subspan(parameter.offset, parameter.count));
  if (classes > 0) copyBlob(classifier->blobs(0), arena.subspan(network.parameter_count));
  if (found.graph) {
    fold(*found.graph, model);
    for (const std::string& layer : found.graph->folded)
      result.notes.push_back(concat("folded into the weights: layer ", layer));
    std::ranges::copy(found.graph->notes, std::back_inserter(result.notes));
    result.folded = !found.graph->folded.empty();
  } else {
    result.notes.push_back(
        "no file says how the layers are connected: as SphereFace's (--prototxt tells)");
  }
  result.notes.push_back(concat("images of ", network.height, "x", network.width, " (",
                                found.size_from,
                                "), planes B, G, R, (byte - 127.5) / 128, aligned "
                                "to \"",
                                model.manifest.alignment_template(), "\""));
  const NetworkConfig& config = model.manifest.config().network();
  if (config.name() == "custom") {
    result.notes.push_back(concat("to train it: network { ", networkText(config), " }"));
  }
  if (classes == 0) {
    result.notes.push_back(
        concat("no classifier ", classifier_name, ": the checkpoint has no head"));
  }
  noteUnused(weights, classifier_name, network, found.graph.has_value(), result.notes);
  return result;
}

void importSolverState(const NamedNet& net, const caffe::SolverState& state,
                       const std::string& state_name, TrainedModel& model) {
  const Network& network = model.network;
  const std::string classifier = classifierLayer(network);
  std::vector<float> momentum(model.parameters.size());
  size_t found = 0;
  int next = 0;
  for (const caffe::LayerParameter& layer : net.net.layer()) {
    for (int index = 0; index < layer.blobs_size(); ++index, ++next) {
      const std::string name = concat(layer.name(), ".", index);
      const auto parameter =
          std::ranges::find(network.parameters, name, [](const Parameter& p) { return p.name; });
      const bool head = layer.name() == classifier && index == 0;
      if (parameter == network.parameters.end() && !head) continue;
      const std::string what = concat(state_name, ": history ", next, " (", name, ")");
      if (next >= state.history_size()) throw Error(concat(what, " is missing"));
      const std::vector<int64_t> shape =
          head ? std::vector<int64_t>{model.manifest.classes(), network.embedding}
               : shapeOf(*parameter);
      checkBlob(state.history(next), shape, what);
      const std::span<float> to =
          head ? std::span(momentum).subspan(network.parameter_count)
               : std::span(momentum).subspan(parameter->offset, parameter->count);
      copyBlob(state.history(next), to);
      found += to.size();
    }
  }
  if (next != state.history_size() || found != momentum.size() || state.iter() < 0) {
    throw Error(concat(state_name, ": ", state.history_size(), " momenta, not those of the ", next,
                       " parameters of ", net.name));
  }
  model.momentum = std::move(momentum);
  model.manifest.set_step(static_cast<uint64_t>(state.iter()));
  model.manifest.set_forward_passes(static_cast<uint64_t>(state.iter()));
}

}  // namespace sphereface
