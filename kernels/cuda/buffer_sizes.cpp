// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/cuda/buffer_sizes.h"

#include <algorithm>
#include <numeric>

#include "base/positive.h"
#include "kernels/activation_buffers.h"
#include "kernels/class_choice.h"
#include "kernels/cuda/channel_pack.h"

namespace sphereface {
namespace {

constexpr size_t kTaps = 9;
constexpr size_t kAlignment = 256;  // of an allocation
// Logits of more than this are streamed, as on the CPU.
constexpr size_t kKeptBytes = size_t{256} << 20;
// A streamed block's logits stay in half of the cache of an A100 or H100.
constexpr size_t kBlockBytes = size_t{20} << 20;

size_t padded(int count) {
  return positive(paddedToPacks(count));
}

size_t elementBytes(const EngineOptions& options) {
  return options.precision == Precision::kBf16 ? sizeof(Bf16) : sizeof(float);
}

size_t sum(const std::vector<size_t>& values) {
  return std::accumulate(values.begin(), values.end(), size_t{0});
}

size_t headBytes(const EngineOptions& options) {
  const HeadBlocks blocks = headBlocks(options);
  const size_t images = positive(options.batch);
  const size_t dim = padded(options.network.embedding);
  const size_t packed = blocks.plain ? 0 : positive(blocks.classes) * dim;
  const size_t energy =
      options.head.mhe_weight > 0 ? images * positive(options.network.embedding) : 0;
  return elementBytes(options) * (images * dim + packed + images * padded(blocks.classes)) +
         sizeof(float) * energy;
}

/// Of a head that has a range of the classes, beside its arena.
size_t spreadHeadBytes(EngineOptions options, int images) {
  const size_t dim = positive(options.network.embedding);
  const size_t vectors = 2 * positive(images) * dim;  // embeddings, and their gradients
  size_t sample = 0;
  options.batch = images;
  if (options.head.sample_rate < 1) {
    options.classes = ClassChoice::sizeFor(options.classes, options.head.sample_rate, images);
    sample = 3 * positive(options.classes) * dim;
  }
  return sizeof(float) * (vectors + sample) + headBytes(options);
}

}  // namespace

size_t TrunkBuffers::activations(bool training) const {
  return input + kSharedBuffers * shared + (training ? 2 * sum(outputs) : 0);
}

size_t TrunkBuffers::weights() const {
  return fc + sum(filters);
}

size_t TrunkBuffers::largestFilter() const {
  return std::ranges::max(filters);
}

TrunkBuffers trunkBuffers(const Network& network, int batch, size_t element_bytes) {
  const size_t elements = kAlignment / element_bytes;
  auto aligned = [elements](size_t count) { return (count + elements - 1) / elements * elements; };
  TrunkBuffers buffers;
  const size_t images = positive(batch);
  buffers.input = aligned(images * positive(network.height) * positive(network.width) * kPack);
  for (const ConvLayer& c : network.convs) {
    buffers.outputs.push_back(
        aligned(images * positive(c.out_height) * positive(c.out_width) * padded(c.out_channels)));
    buffers.filters.push_back(aligned(padded(c.out_channels) * kTaps * padded(c.in_channels)));
  }
  buffers.shared = std::ranges::max(buffers.outputs);
  const ConvLayer& last = network.convs.back();
  buffers.fc = aligned(positive(network.embedding) * positive(last.out_height) *
                       positive(last.out_width) * padded(last.out_channels));
  return buffers;
}

HeadBlocks headBlocks(const EngineOptions& options) {
  const size_t row_bytes = positive(options.batch) * elementBytes(options);
  const bool streaming =
      options.head.streaming.value_or(row_bytes * positive(options.classes) > kKeptBytes);
  HeadBlocks blocks;
  blocks.plain = options.precision != Precision::kBf16 && options.network.embedding % kPack == 0;
  blocks.classes = options.classes;
  if (streaming) {
    const size_t fitting = std::max<size_t>(kPack, kBlockBytes / row_bytes / kPack * kPack);
    blocks.classes = static_cast<int>(std::min(fitting, positive(options.classes)));
  }
  return blocks;
}

EngineMemory gpuMemory(const EngineOptions& options, int images) {
  const Network& network = options.network;
  const size_t element = elementBytes(options);
  const size_t batch = positive(options.batch);
  const size_t dim = positive(network.embedding);
  const TrunkBuffers trunk = trunkBuffers(network, options.batch, element);
  const size_t head_arenas = options.head.sample_rate < 1 ? 2 : 3;
  EngineMemory memory;
  memory.parameters =
      sizeof(float) * (3 * network.parameter_count + head_arenas * positive(options.classes) * dim);
  memory.activations = element * (trunk.activations(true) + trunk.weights() +
                                  trunk.largestFilter() + batch * padded(network.embedding)) +
                       sizeof(float) * (trunk.fc + 2 * batch * dim) +
                       2 * batch * network.imageBytes();
  memory.head = images > 0 ? spreadHeadBytes(options, images) : headBytes(options);
  return memory;
}

}  // namespace sphereface
