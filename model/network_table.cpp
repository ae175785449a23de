// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "model/network_table.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/positive.h"

namespace sphereface {
namespace {

// Beyond any use: so that a damaged table is an error and not all of the memory.
constexpr size_t kMostStages = 16;
constexpr size_t kMostNumbers = size_t{1} << 36;  // parameters, or activations of an image

constexpr size_t kStages = 4;
constexpr std::array<int, kStages> kChannels = {64, 128, 256, 512};

struct TableRow {
  std::string_view name;
  std::array<int, kStages> units;
};

constexpr std::array<TableRow, 6> kTable = {{
    {"sphereface-4", {0, 0, 0, 0}},
    {"sphereface-10", {0, 1, 2, 0}},
    {"sphereface-20", {1, 2, 4, 1}},
    {"sphereface-36", {2, 4, 8, 2}},
    {"sphereface-64", {3, 8, 16, 3}},
    // The released model called 64 has one unit less in its second stage: 62 convolutions.
    {"sphereface-64-released", {3, 7, 16, 3}},
}};

std::vector<StageRow> stagesOf(const NetworkTable& table) {
  if (table.name == "custom") {
    if (table.stages.empty()) throw UsageError("network: \"custom\" needs at least one stage");
    if (table.stages.size() > kMostStages) {
      throw UsageError(
          concat("network: ", table.stages.size(), " stages, more than ", kMostStages));
    }
    for (const StageRow& stage : table.stages) {
      if (stage.channels < 1) throw UsageError("network.stage: each needs channels");
    }
    return table.stages;
  }
  const auto* row = std::find_if(kTable.begin(), kTable.end(), [&](const TableRow& candidate) {
    return candidate.name == table.name;
  });
  if (row == kTable.end()) {
    throw UsageError(concat("network.name \"", table.name,
                            "\" is unknown; known: ", knownNetworks(), ", custom"));
  }
  if (!table.stages.empty()) {
    throw UsageError(concat("network.stage is only for name \"custom\", not \"", table.name, "\""));
  }
  std::vector<StageRow> stages;
  for (size_t i = 0; i < kStages; ++i)
    stages.push_back({kChannels[i], row->units[i]});
  return stages;
}

/// Appends convolutions; parameters are laid out afterwards.
void addConv(Network& network, std::string name, int channels, int stride, int residual_from) {
  ConvLayer conv;
  conv.name = std::move(name);
  conv.stride = stride;
  conv.out_channels = channels;
  conv.residual_from = residual_from;
  if (network.convs.empty()) {
    conv.in_channels = network.channels;
    conv.in_height = network.height;
    conv.in_width = network.width;
  } else {
    const ConvLayer& previous = network.convs.back();
    conv.in_channels = previous.out_channels;
    conv.in_height = previous.out_height;
    conv.in_width = previous.out_width;
  }
  // Caffe: floor((size + 2 padding - kernel) / stride) + 1
  conv.out_height = (conv.in_height - 1) / stride + 1;
  conv.out_width = (conv.in_width - 1) / stride + 1;
  // Only a stage's first convolution trains its bias; the others keep theirs (learning rate 0).
  conv.train_bias = stride == 2;
  network.convs.push_back(std::move(conv));
}

size_t addParameter(Network& network, Parameter parameter) {
  parameter.count = 1;
  for (const size_t extent : parameter.shape)
    parameter.count *= extent;
  parameter.offset = network.parameter_count;
  network.parameter_count += parameter.count;
  network.parameters.push_back(std::move(parameter));
  return network.parameters.back().offset;
}

/// The order in which backward finishes gradients: fc, then layer by layer upwards.
void layOutParameters(Network& network, const std::string& fc) {
  const ConvLayer& last = network.convs.back();
  network.fc_inputs = static_cast<size_t>(last.out_channels) *
                      static_cast<size_t>(last.out_height) * static_cast<size_t>(last.out_width);
  const auto embedding = static_cast<size_t>(network.embedding);
  Parameter weight;
  weight.name = fc + ".0";
  weight.shape = {embedding, network.fc_inputs};
  weight.init = Parameter::Init::kXavier;
  network.fc_weight = addParameter(network, weight);
  Parameter bias;
  bias.name = fc + ".1";
  bias.shape = {embedding};
  bias.learning_rate_mult = 2;
  bias.decay_mult = 0;
  network.fc_bias = addParameter(network, bias);

  for (size_t i = network.convs.size(); i-- > 0;) {
    ConvLayer& conv = network.convs[i];
    const auto out = static_cast<size_t>(conv.out_channels);
    Parameter slope;
    slope.name = "relu" + conv.name.substr(4) + ".0";
    slope.shape = {out};
    slope.init_value = 0.25F;
    conv.slope = addParameter(network, slope);
    Parameter conv_weight;
    conv_weight.name = conv.name + ".0";
    conv_weight.shape = {out, static_cast<size_t>(conv.in_channels), 3, 3};
    conv_weight.init = conv.stride == 2 ? Parameter::Init::kXavier : Parameter::Init::kGaussian;
    conv_weight.init_value = 0.01F;
    conv.weight = addParameter(network, conv_weight);
    Parameter conv_bias;
    conv_bias.name = conv.name + ".1";
    conv_bias.shape = {out};
    conv_bias.learning_rate_mult = conv.train_bias ? 2 : 0;
    conv_bias.decay_mult = 0;
    conv.bias = addParameter(network, conv_bias);
  }
}

}  // namespace

std::vector<std::string> knownNetworkNames() {
  std::vector<std::string> names;
  names.reserve(kTable.size());
  for (const TableRow& row : kTable)
    names.emplace_back(row.name);
  return names;
}

std::string knownNetworks() {
  std::string text;
  for (const std::string& name : knownNetworkNames())
    text += (text.empty() ? "" : ", ") + name;
  return text;
}

Network buildNetwork(const NetworkTable& table) {
  Network network;
  network.name = table.name;
  network.height = table.height;
  network.width = table.width;
  network.embedding = table.embedding;
  const std::vector<StageRow> stages = stagesOf(table);
  for (size_t s = 0; s < stages.size(); ++s) {
    const std::string prefix = concat("conv", s + 1, "_");
    addConv(network, prefix + "1", stages[s].channels, 2, -1);
    for (int unit = 0; unit < stages[s].units; ++unit) {
      const int from = static_cast<int>(network.convs.size()) - 1;
      addConv(network, concat(prefix, 2 * unit + 2), stages[s].channels, 1, -1);
      addConv(network, concat(prefix, 2 * unit + 3), stages[s].channels, 1, from);
    }
  }
  // Numbered after the stages: fc5 behind four.
  layOutParameters(network, concat("fc", stages.size() + 1));
  size_t activations = 0;
  for (const ConvLayer& conv : network.convs)
    activations +=
        positive(conv.out_channels) * positive(conv.out_height) * positive(conv.out_width);
  if (std::max(network.parameter_count, activations) > kMostNumbers) {
    throw UsageError(concat("network: ", network.parameter_count, " parameters and ", activations,
                            " activations of an image; at most ", kMostNumbers, " can be had"));
  }
  return network;
}

uint64_t multiplyAdds(const ConvLayer& conv) {
  return 9ULL * static_cast<uint64_t>(conv.in_channels) * static_cast<uint64_t>(conv.out_channels) *
         static_cast<uint64_t>(conv.out_height) * static_cast<uint64_t>(conv.out_width);
}

uint64_t multiplyAdds(const Network& network) {
  uint64_t sum =
      static_cast<uint64_t>(network.fc_inputs) * static_cast<uint64_t>(network.embedding);
  for (const ConvLayer& conv : network.convs)
    sum += multiplyAdds(conv);
  return sum;
}

std::vector<LayerRow> layerTable(const Network& network, size_t classes) {
  std::vector<LayerRow> rows;
  for (const ConvLayer& conv : network.convs) {
    LayerRow row;
    row.name = conv.name;
    row.kind = concat("3x3", conv.stride == 1 ? "" : concat(" /", conv.stride), ", PReLU");
    if (conv.residual_from >= 0) {
      row.kind += ", + " + network.convs[static_cast<size_t>(conv.residual_from)].name;
    }
    row.channels = conv.out_channels;
    row.height = conv.out_height;
    row.width = conv.out_width;
    const auto out = static_cast<size_t>(conv.out_channels);
    row.parameters = 9 * static_cast<size_t>(conv.in_channels) * out + 2 * out;
    row.multiply_adds = multiplyAdds(conv);
    row.activations = (conv.residual_from >= 0 ? 3 : 2) * out *
                      static_cast<size_t>(conv.out_height) * static_cast<size_t>(conv.out_width);
    rows.push_back(std::move(row));
  }
  const auto dim = static_cast<size_t>(network.embedding);
  LayerRow fc;
  const std::string& weight = network.parameters.front().name;
  fc.name = weight.substr(0, weight.find('.'));
  fc.kind = "fc";
  fc.channels = network.embedding;
  fc.parameters = network.fc_inputs * dim + dim;
  fc.multiply_adds = static_cast<uint64_t>(network.fc_inputs) * dim;
  rows.push_back(std::move(fc));
  if (classes == 0) return rows;
  LayerRow head;
  head.name = "head";
  head.kind = "classifier";
  head.channels = static_cast<int>(classes);
  head.parameters = classes * dim;
  head.multiply_adds = static_cast<uint64_t>(classes) * dim;
  rows.push_back(std::move(head));
  return rows;
}

}  // namespace sphereface
