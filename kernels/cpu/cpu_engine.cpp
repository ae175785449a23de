// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/cpu/cpu_engine.h"

#include <omp.h>

#include <chrono>
#include <cmath>
#include <optional>

#include "base/aligned_buffer.h"
#include "base/clock.h"
#include "base/error.h"
#include "kernels/class_parallel_head.h"
#include "kernels/cpu/cpu_head.h"
#include "kernels/cpu/cpu_shard_tree.h"
#include "kernels/cpu/cpu_trunk.h"
#include "kernels/cpu/onednn.h"
#include "kernels/cpu/sgd.h"
#include "kernels/matrix_peak.h"

namespace sphereface {
namespace {

struct Store {
  Store(size_t parameter_count, bool has_gradients, bool has_momentum)
      : parameters(parameter_count),
        gradients(has_gradients ? parameter_count : 0),
        momentum(has_momentum ? parameter_count : 0) {}
  Arena arena() { return {parameters.span(), gradients.span(), momentum.span()}; }
  size_t bytes() const {
    return sizeof(float) * (parameters.size() + gradients.size() + momentum.size());
  }

  AlignedBuffer<float> parameters;
  AlignedBuffer<float> gradients;
  AlignedBuffer<float> momentum;
};

class CpuEngine final : public Engine {
 public:
  CpuEngine(const EngineOptions& options, std::vector<std::string> notes)
      : options_(options),
        notes_(std::move(notes)),
        training_(options.classes > 0),
        trunk_store_(options.network.parameter_count, training_, training_),
        head_store_(headCount(), training_ && options.head.sample_rate == 1, training_),
        trunk_(options, trunk_store_.parameters.data(),
               training_ ? trunk_store_.gradients.data() : nullptr),
        embeddings_(training_ ? rows() * dim() : 0),
        d_embeddings_(embeddings_.size()) {
    if (training_ && options.exchange != nullptr) {
      class_parallel_.emplace(options);
    } else if (training_) {
      workspace_.emplace(options.head, options.batch, options.network.embedding, options.classes);
    }
    notes_.insert(notes_.end(), trunk_.notes().begin(), trunk_.notes().end());
  }

  Arena trunk() override { return trunk_store_.arena(); }
  Arena head() override { return head_store_.arena(); }

  void read(std::span<const float> arena_part, std::span<float> to) const override {
    std::copy(arena_part.begin(), arena_part.end(), to.begin());
  }
  void write(std::span<const float> from, std::span<float> arena_part) override {
    std::copy(from.begin(), from.end(), arena_part.begin());
  }

  void embed(std::span<const uint8_t> images, std::span<float> embeddings) override {
    checkSize("images", images.size(), rows() * options_.network.imageBytes());
    checkSize("embeddings", embeddings.size(), rows() * dim());
    trunk_.forward(images.data(), embeddings.data());
  }

  PassStats forwardBackward(std::span<const uint8_t> images, std::span<const int32_t> labels,
                            const HeadStep& head_step, float loss_scale, bool accumulate,
                            const GradientsReady& ready) override {
    checkSize("labels", labels.size(), rows());
    PassStats stats;
    const double start = secondsNow();
    embed(images, embeddings_.span());
    const double embedded = secondsNow();

    classify(labels, head_step, loss_scale, accumulate, stats);
    if (ready && !class_parallel_) ready({true, 0, head_store_.gradients.span()});
    const double classified = secondsNow();

    size_t told = 0;
    trunk_.backward(d_embeddings_.data(), accumulate, [&](size_t final) {
      if (ready) ready({false, told, trunk_store_.gradients.span().subspan(told, final - told)});
      told = final;
    });
    stats.forward_seconds = embedded - start;
    stats.head_seconds = classified - embedded - stats.exchange_seconds;
    stats.backward_seconds = secondsNow() - classified;
    return stats;
  }

  void announce(std::span<const uint8_t>) override {}

  double update(const Update& update) override {
    const auto rate = static_cast<float>(update.learning_rate);
    const auto momentum = static_cast<float>(update.momentum);
    const auto decay = static_cast<float>(update.weight_decay);
    const float scale = update.clip_gradients < 0 ? 1.0F : clippingScale(update.clip_gradients);
    double squares = ofAllRanks(updateHead(rate, momentum, decay, scale));
    for (const Parameter& p : options_.network.parameters) {
      if (p.learning_rate_mult == 0) continue;
      squares += sgdUpdate(p.count, rate * p.learning_rate_mult, momentum, decay * p.decay_mult,
                           scale, trunk_store_.parameters.data() + p.offset,
                           trunk_store_.gradients.data() + p.offset,
                           trunk_store_.momentum.data() + p.offset);
    }
    return std::sqrt(squares);
  }

  std::unique_ptr<ShardTree> makeShardTree(size_t shards) override {
    return std::make_unique<CpuShardTree>(shards, trunk_store_.gradients.size(),
                                          head_store_.gradients.size());
  }

  std::unique_ptr<DeviceReduction> join(const DeviceGroup&, const DeviceSum&) override {
    return nullptr;
  }

  std::string convolutionAlgorithms() const override { return trunk_.algorithms(); }
  std::vector<std::string> notes() const override { return notes_; }

  double matrixPeak() override { return cpuMatrixPeak(options_.precision == Precision::kBf16); }

  EngineMemory memory() const override {
    EngineMemory memory;
    memory.parameters = trunk_store_.bytes() + head_store_.bytes();
    memory.activations =
        trunk_.bytes() + sizeof(float) * (embeddings_.size() + d_embeddings_.size());
    if (training_) memory.head = class_parallel_ ? class_parallel_->bytes() : workspace_->bytes();
    return memory;
  }

 private:
  size_t rows() const { return static_cast<size_t>(options_.batch); }
  size_t dim() const { return static_cast<size_t>(options_.network.embedding); }
  size_t headCount() const { return static_cast<size_t>(options_.classes) * dim(); }

  void classify(std::span<const int32_t> labels, const HeadStep& step, float loss_scale,
                bool accumulate, PassStats& stats) {
    if (class_parallel_) {
      const ClassParallelHead::Result result =
          class_parallel_->run(embeddings_.span(), labels, step, loss_scale, accumulate,
                               head_store_.arena(), d_embeddings_.span());
      stats.head = result.stats;
      stats.exchange_seconds = result.exchange_seconds;
      return;
    }
    HeadPass pass;
    pass.batch = options_.batch;
    pass.dim = options_.network.embedding;
    pass.classes = options_.classes;
    pass.step = step;
    pass.loss_scale = loss_scale;
    pass.x = embeddings_.data();
    pass.W = head_store_.parameters.data();
    pass.labels = labels.data();
    pass.dx = d_embeddings_.data();
    pass.dW = head_store_.gradients.data();
    pass.accumulate = accumulate;
    stats.head = headForwardBackward(options_.head, pass, *workspace_);
  }

  ClassSample* sample() { return class_parallel_ ? class_parallel_->sample() : nullptr; }

  double updateHead(float rate, float momentum, float decay, float scale) {
    ClassSample* const part = sample();
    if (part == nullptr) {
      return sgdUpdate(head_store_.parameters.size(), rate, momentum, decay, scale,
                       head_store_.parameters.data(), head_store_.gradients.data(),
                       head_store_.momentum.data());
    }
    part->take(head_store_.momentum.span(), part->momentum.span());
    const double squares = sgdUpdate(part->W.size(), rate, momentum, decay, scale, part->W.data(),
                                     part->dW.data(), part->momentum.data());
    part->put(part->W.span(), head_store_.parameters.span());
    part->put(part->momentum.span(), head_store_.momentum.span());
    return squares;
  }

  /// The sum of the ranks' heads' squares.
  double ofAllRanks(double squares) {
    if (!class_parallel_) return squares;
    auto sum = static_cast<float>(squares);
    options_.exchange->sum({&sum, 1});
    return sum;
  }

  float clippingScale(double largest) {
    const std::span<const float> head =
        sample() != nullptr ? sample()->dW.span() : head_store_.gradients.span();
    double squares = ofAllRanks(sumOfSquares(head.size(), head.data()));
    for (const Parameter& p : options_.network.parameters) {
      if (p.learning_rate_mult == 0) continue;
      squares += sumOfSquares(p.count, trunk_store_.gradients.data() + p.offset);
    }
    const double norm = std::sqrt(squares);
    return norm > largest ? static_cast<float>(largest / norm) : 1.0F;
  }

  static void checkSize(const char* what, size_t got, size_t wanted) {
    if (got != wanted) throw Error(concat("engine: ", got, " ", what, ", expected ", wanted));
  }

  EngineOptions options_;
  std::vector<std::string> notes_;
  bool training_;
  Store trunk_store_;
  Store head_store_;
  CpuTrunk trunk_;
  AlignedBuffer<float> embeddings_;
  AlignedBuffer<float> d_embeddings_;
  // Of the head: one of them.
  std::optional<HeadWorkspace> workspace_;
  std::optional<ClassParallelHead> class_parallel_;
};

}  // namespace

std::unique_ptr<Engine> makeCpuEngine(const EngineOptions& options) {
  EngineOptions usable = options;
  std::vector<std::string> notes;
  if (options.precision == Precision::kBf16 && !onednn::hasFastBf16()) {
    usable.precision = Precision::kFp32;
    notes.emplace_back(
        "bf16 was asked for, but this processor has no bfloat16 instructions (AVX512-BF16, AMX): "
        "computing in fp32");
  }
  omp_set_num_threads(options.threads);
  return std::make_unique<CpuEngine>(usable, std::move(notes));
}

}  // namespace sphereface
