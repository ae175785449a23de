// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/cpu/convolution_algorithms.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <optional>
#include <sstream>

#include "base/aligned_buffer.h"
#include "base/error.h"

namespace sphereface {

using dnnl::algorithm;
using dnnl::memory;

namespace {

onednn::ConvDescription describe(const LayerDescription& layer, algorithm chosen,
                                 memory::data_type weights_type) {
  onednn::ConvDescription conv;
  conv.src = layer.src;
  conv.dst = layer.dst;
  conv.stride = layer.stride;
  conv.algorithm = chosen;
  conv.weights = memory::desc({onednn::dimsOf(layer.dst)[1], onednn::dimsOf(layer.src)[1], 3, 3},
                              weights_type, memory::format_tag::any);
  return conv;
}

}  // namespace

LayerPrimitives makePrimitives(const dnnl::engine& engine, const LayerDescription& layer,
                               const LayerAlgorithms& algorithms) {
  const memory::data_type type = onednn::typeOf(layer.src);
  LayerPrimitives made;
  made.forward = onednn::convForward(engine, describe(layer, algorithms[kForwardPass], type),
                                     layer.bias, layer.training);
  if (!layer.training) return made;
  // Backward's descriptions want a forward one as a hint; a direct one always exists.
  const auto hint = onednn::convForward(engine, describe(layer, kAllDirect[kForwardPass], type),
                                        layer.bias, true);
  if (layer.with_backward_data) {
    made.backward_data = onednn::convBackwardData(
        engine, describe(layer, algorithms[kBackwardDataPass], type), hint);
  }
  made.backward_weights = onednn::convBackwardWeights(
      engine, describe(layer, algorithms[kBackwardWeightsPass], memory::data_type::f32),
      layer.train_bias ? layer.bias : memory::desc(), hint);
  return made;
}

namespace {

/// One pass of a layer on memory of its own.
struct Trial {
  std::vector<AlignedBuffer<uint8_t>> buffers;
  onednn::Call call;
  double seconds = std::numeric_limits<double>::infinity();
};

Trial makeTrial(const dnnl::engine& engine, const LayerDescription& layer, ConvolutionPass pass,
                algorithm chosen) {
  LayerAlgorithms algorithms = kAllDirect;
  algorithms.at(pass) = chosen;
  const LayerPrimitives made = makePrimitives(engine, layer, algorithms);
  Trial trial;
  auto allocate = [&](const memory::desc& desc) {
    trial.buffers.emplace_back(desc.get_size());
    return memory(desc, engine, trial.buffers.back().data());
  };
  auto tie = [&](const auto& desc, const auto& primitive, int src, const memory::desc& from,
                 int weights, const memory::desc& matrix, int dst, const memory::desc& to) {
    std::vector<std::pair<int, memory>> arguments = {
        {src, allocate(from)},
        {weights, allocate(matrix)},
        {dst, allocate(to)},
        {DNNL_ARG_SCRATCHPAD, allocate(desc.scratchpad_desc())}};
    if (pass == kForwardPass) arguments.emplace_back(DNNL_ARG_BIAS, allocate(layer.bias));
    if (pass == kBackwardWeightsPass && layer.train_bias) {
      arguments.emplace_back(DNNL_ARG_DIFF_BIAS, allocate(layer.bias));
    }
    trial.call = onednn::Call(primitive, arguments);
  };
  switch (pass) {
    case kForwardPass:
      tie(made.forward, dnnl::convolution_forward(made.forward), DNNL_ARG_SRC, layer.src,
          DNNL_ARG_WEIGHTS, made.forward.weights_desc(), DNNL_ARG_DST, layer.dst);
      break;
    case kBackwardDataPass:
      tie(made.backward_data, dnnl::convolution_backward_data(made.backward_data),
          DNNL_ARG_DIFF_SRC, layer.src, DNNL_ARG_WEIGHTS, made.backward_data.weights_desc(),
          DNNL_ARG_DIFF_DST, layer.dst);
      break;
    default:
      tie(made.backward_weights, dnnl::convolution_backward_weights(made.backward_weights),
          DNNL_ARG_SRC, layer.src, DNNL_ARG_DIFF_WEIGHTS, made.backward_weights.diff_weights_desc(),
          DNNL_ARG_DIFF_DST, layer.dst);
  }
  return trial;
}

}  // namespace

LayerAlgorithms measureAlgorithms(const dnnl::engine& engine, const dnnl::stream& stream,
                                  const LayerDescription& layer) {
  constexpr int kRuns = 4;  // the first warms up
  constexpr double kNeededGain = 1.05;
  LayerAlgorithms chosen = kAllDirect;
  for (int pass = 0; pass < kPassCount; ++pass) {
    const auto which = static_cast<ConvolutionPass>(pass);
    if (which != kForwardPass && !layer.training) continue;
    if (which == kBackwardDataPass && !layer.with_backward_data) continue;
    std::optional<Trial> winograd;
    try {
      winograd = makeTrial(engine, layer, which, algorithm::convolution_winograd);
    } catch (const dnnl::error&) {
      continue;  // not for this shape, type, processor or version
    }
    Trial direct = makeTrial(engine, layer, which, algorithm::convolution_direct);
    for (int run = 0; run < kRuns; ++run) {
      for (Trial* trial : {&direct, &*winograd}) {
        const auto start = std::chrono::steady_clock::now();
        trial->call(stream);
        const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
        if (run > 0) trial->seconds = std::min(trial->seconds, elapsed.count());
      }
    }
    if (winograd->seconds * kNeededGain < direct.seconds) {
      chosen.at(which) = algorithm::convolution_winograd;
    }
  }
  return chosen;
}

std::string printAlgorithms(const std::vector<LayerAlgorithms>& layers) {
  std::string text;
  for (const LayerAlgorithms& layer : layers) {
    if (!text.empty()) text += ' ';
    for (const algorithm chosen : layer)
      text += chosen == algorithm::convolution_winograd ? 'w' : 'd';
  }
  return text;
}

std::vector<LayerAlgorithms> parseAlgorithms(const std::string& text, size_t layers) {
  std::vector<LayerAlgorithms> parsed;
  std::istringstream words(text);
  std::string word;
  while (words >> word) {
    LayerAlgorithms layer = kAllDirect;
    if (word.size() != layer.size() || word.find_first_not_of("dw") != std::string::npos) {
      throw Error(
          concat("convolution algorithms '", text, "': '", word, "' is not three letters d or w"));
    }
    for (size_t pass = 0; pass < layer.size(); ++pass) {
      if (word[pass] == 'w') layer.at(pass) = algorithm::convolution_winograd;
    }
    parsed.push_back(layer);
  }
  if (parsed.size() != layers) {
    throw Error(concat("convolution algorithms '", text, "' are for ", parsed.size(),
                       " layers, not ", layers));
  }
  return parsed;
}

}  // namespace sphereface
