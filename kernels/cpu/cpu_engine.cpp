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
#include "kernels/cpu/cpu_class_parallel_head.h"
#include "kernels/cpu/cpu_trunk.h"
#include "kernels/cpu/onednn.h"
#include "kernels/cpu/sgd.h"
#include "kernels/matrix_peak.h"

namespace sphereface {
namespace {

using Store = ArenaStore<AlignedBuffer<float>>;

class CpuShardTree final : public ShardTreeIn<AlignedBuffer<float>> {
 public:
  using ShardTreeIn::ShardTreeIn;

 private:
  void addKept(size_t level, const GradientRange& range) override {
    std::transform(range.values.begin(), range.values.end(), kept(level, range),
                   range.values.begin(), [](float added, float kept) { return kept + added; });
  }
  void keep(size_t level, const GradientRange& range) override {
    std::ranges::copy(range.values, kept(level, range));
  }
};

class CpuEngine final : public Engine {
 public:
  CpuEngine(const EngineOptions& options, std::vector<std::string> notes)
      : options_(options),
        notes_(std::move(notes)),
        training_(options.classes > 0),
        trunk_store_(options.network.parameter_count, training_, training_),
        head_store_(headCount(), training_ && options.head.sample_rate == 1, training_),
        trunk_(options, trunk_store_.arena().parameters.data(),
               training_ ? trunk_store_.arena().gradients.data() : nullptr),
        embeddings_(training_ ? rows() * dim() : 0),
        d_embeddings_(embeddings_.size()) {
    if (training_ && options.exchange != nullptr) {
      spread_.emplace(std::make_unique<CpuSpread>(*options.exchange), options, head());
    } else if (training_) {
      head_.emplace(options, head());
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

    if (spread_) {
      spread_->begin(labels);
      spread_->run(embeddings_.span(), head_step, loss_scale, accumulate, d_embeddings_.span(),
                   &stats.head);
      stats.exchange_seconds = spread_->exchangeSeconds();
    } else {
      head_->setRule(head_step, loss_scale);
      head_->run(embeddings_.data(), labels.data(), accumulate, d_embeddings_.data(), &stats.head);
      if (ready) ready({true, 0, head().gradients});
    }
    const double classified = secondsNow();

    size_t told = 0;
    trunk_.backward(d_embeddings_.data(), accumulate, [&](size_t final) {
      if (ready) ready({false, told, trunk().gradients.subspan(told, final - told)});
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
                           scale, trunk().parameters.data() + p.offset,
                           trunk().gradients.data() + p.offset, trunk().momentum.data() + p.offset);
    }
    return std::sqrt(squares);
  }

  std::unique_ptr<ShardTree> makeShardTree(size_t shards) override {
    return std::make_unique<CpuShardTree>(shards, trunk().gradients.size(),
                                          head().gradients.size());
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
    if (training_) memory.head = spread_ ? spread_->bytes() : head_->bytes();
    return memory;
  }

 private:
  size_t rows() const { return static_cast<size_t>(options_.batch); }
  size_t dim() const { return static_cast<size_t>(options_.network.embedding); }
  size_t headCount() const { return static_cast<size_t>(options_.classes) * dim(); }

  /// What update() works on.
  Arena trainedHead() { return spread_ ? spread_->trainedArena() : head(); }

  double updateHead(float rate, float momentum, float decay, float scale) {
    const Arena part = trainedHead();
    const ClassSample* const sample = spread_ ? spread_->sample() : nullptr;
    if (sample != nullptr) sample->take(head().momentum, part.momentum);
    const double squares =
        sgdUpdate(part.parameters.size(), rate, momentum, decay, scale, part.parameters.data(),
                  part.gradients.data(), part.momentum.data());
    if (sample != nullptr) {
      sample->put(part.parameters, head().parameters);
      sample->put(part.momentum, head().momentum);
    }
    return squares;
  }

  /// The sum of the ranks' heads' squares.
  double ofAllRanks(double squares) {
    if (!spread_) return squares;
    auto sum = static_cast<float>(squares);
    options_.exchange->sum({&sum, 1});
    return sum;
  }

  float clippingScale(double largest) {
    const std::span<const float> head = trainedHead().gradients;
    double squares = ofAllRanks(sumOfSquares(head.size(), head.data()));
    for (const Parameter& p : options_.network.parameters) {
      if (p.learning_rate_mult == 0) continue;
      squares += sumOfSquares(p.count, trunk().gradients.data() + p.offset);
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
  // Of training: one of the heads.
  std::optional<CpuHead> head_;
  std::optional<CpuClassParallelHead> spread_;
};

/// The threads that OpenMP gives from now on, of so many. Variables of the environment may leave
/// fewer than are asked for; oneDNN, which divides its work by the number asked for, then waits for
/// ever.
int formTeam(int threads) {
  omp_set_dynamic(0);
  omp_set_max_active_levels(std::max(1, omp_get_max_active_levels()));
  omp_set_num_threads(threads);
  int team = 1;
#pragma omp parallel
#pragma omp single
  team = omp_get_num_threads();
  omp_set_num_threads(team);
  return team;
}

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
  usable.threads = formTeam(options.threads);
  if (usable.threads < options.threads) {
    notes.push_back(
        concat(options.threads, " compute threads were asked for, OpenMP gives ", usable.threads,
               " (OMP_THREAD_LIMIT in the environment?): computing with ", usable.threads));
  }
  return std::make_unique<CpuEngine>(usable, std::move(notes));
}

/// The network's buffers are proportional to the batch but for a constant.
EngineMemory cpuMemory(const EngineOptions& options, int images) {
  EngineOptions small = options;
  small.classes = 1;
  small.head.sample_rate = 1;
  small.batch = 1;
  if (small.convolution == Convolution::kFastest) {
    // Winograd for every pass: what FASTEST can choose at most, as its workspace is the larger one.
    small.convolution_algorithms.clear();
    for (size_t layer = 0; layer < options.network.convs.size(); ++layer)
      small.convolution_algorithms += "www ";
  }
  const EngineMemory one = makeCpuEngine(small)->memory();
  small.batch = 2;
  const EngineMemory two = makeCpuEngine(small)->memory();
  const int dim = options.network.embedding;
  const size_t head_arenas = options.head.sample_rate < 1 ? 2 : 3;
  EngineMemory memory;
  memory.parameters = one.parameters +
                      sizeof(float) * positive(dim) * (head_arenas * positive(options.classes) - 3);
  memory.activations =
      one.activations + positive(options.batch - 1) * (two.activations - one.activations);
  memory.head = images > 0
                    ? classParallelHeadBytes(options.head, images, dim, options.classes)
                    : HeadWorkspace::bytesFor(options.head, options.batch, dim, options.classes);
  return memory;
}

}  // namespace sphereface
