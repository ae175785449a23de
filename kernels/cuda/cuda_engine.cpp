// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/cuda/cuda_engine.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "kernels/cuda/cuda_class_parallel_head.h"
#include "kernels/cuda/cuda_trunk.h"
#include "kernels/cuda/gpu_matrix_product.h"
#include "kernels/cuda/gpu_network.h"
#include "kernels/cuda/image_upload.h"
#include "kernels/cuda/recorded_work.h"
#include "kernels/cuda/sgd_kernels.h"
#include "kernels/cuda/stream_marks.h"
#include "kernels/cuda/sum_kernels.h"
#include "kernels/matrix_peak.h"

namespace sphereface {
namespace {

using Store = ArenaStore<DeviceBuffer<float>>;

/// On the context's stream. What it adds is final (GpuContext::final) when it has been added.
class CudaShardTree final : public ShardTreeIn<DeviceBuffer<float>> {
 public:
  CudaShardTree(GpuContext& context, size_t shards, size_t trunk, size_t head)
      : ShardTreeIn(shards, trunk, head), context_(context) {}

 private:
  void addKept(size_t level, const GradientRange& range) override {
    addTo(range.values.size(), kept(level, range), range.values.data(), context_.stream());
    added_.set(0, context_.stream());
    context_.setFinal(added_.at(0));
  }
  void keep(size_t level, const GradientRange& range) override {
    check(cudaMemcpyAsync(kept(level, range), range.values.data(), range.values.size_bytes(),
                          cudaMemcpyDeviceToDevice, context_.stream()),
          "copy gradients");
  }

  GpuContext& context_;
  StreamMarks added_{1};
};

/// What update() works on: a table of one arena's chunks.
class UpdateTable {
 public:
  UpdateTable() = default;
  explicit UpdateTable(const std::vector<UpdateChunk>& chunks) : chunks_(chunks.size()) {
    check(cudaMemcpyAsync(chunks_.data(), chunks.data(), chunks_.bytes(), cudaMemcpyHostToDevice,
                          nullptr),
          "copy the table of parameters");
    check(cudaStreamSynchronize(nullptr), "copy the table of parameters");
  }
  const UpdateChunk* chunks() const { return chunks_.data(); }
  size_t size() const { return chunks_.size(); }

 private:
  DeviceBuffer<UpdateChunk> chunks_;
};

UpdateTable trunkTable(const Network& network) {
  std::vector<UpdateChunk> chunks;
  for (const Parameter& p : network.parameters) {
    if (p.learning_rate_mult == 0) continue;
    addUpdateChunks(p.offset, p.count, p.learning_rate_mult, p.decay_mult, chunks);
  }
  return UpdateTable(chunks);
}

UpdateTable headTable(size_t count) {
  std::vector<UpdateChunk> chunks;
  addUpdateChunks(0, count, 1, 1, chunks);
  return UpdateTable(chunks);
}

/// Points in the stream's work.
enum Mark : size_t { kStart, kEmbedded, kClassified, kEnd, kMarks };

template <class T>
class CudaEngine final : public Engine {
 public:
  explicit CudaEngine(const EngineOptions& options)
      : options_(options),
        context_(options.device_index),
        training_(options.classes > 0),
        trunk_store_(options.network.parameter_count, training_, training_),
        head_store_(static_cast<size_t>(options.classes) * dim(),
                    training_ && options.head.sample_rate == 1, training_),
        trunk_(context_, options, trunk_store_.arena().parameters.data(),
               training_ ? trunk_store_.arena().gradients.data() : nullptr),
        upload_(rows() * options.network.imageBytes(), training_),
        embeddings_(rows() * dim()),
        forward_{RecordedWork(options.cuda_graphs), RecordedWork(options.cuda_graphs)},
        classify_{RecordedWork(options.cuda_graphs), RecordedWork(options.cuda_graphs)},
        backward_{RecordedWork(options.cuda_graphs), RecordedWork(options.cuda_graphs)},
        update_{RecordedWork(options.cuda_graphs), RecordedWork(options.cuda_graphs)} {
    if (!training_) return;
    if (options.exchange != nullptr) throw Error("device CUDA: heads exchange as a head_group");
    if (options.head_group.exists()) {
      spread_.emplace(std::make_unique<CudaSpread<T>>(context_, options), options, head());
    } else {
      head_.emplace(context_, options, head());
    }
    labels_ = DeviceBuffer<int32_t>(rows());
    d_embeddings_ = DeviceBuffer<float>(rows() * dim());
    stats_ = DeviceBuffer<HeadStats>(1);
    host_stats_ = PinnedBuffer<HeadStats>(1);
    trunk_table_ = trunkTable(options.network);
    head_table_ = headTable(trainedHead().parameters.size());
    squares_ = DeviceBuffer<double>(head_table_.size() + trunk_table_.size());
    head_squares_ = DeviceBuffer<float>(1);
    length_ = DeviceBuffer<GradientLength>(1);
    host_length_ = PinnedBuffer<GradientLength>(1);
    sgd_rule_ = DeviceBuffer<SgdRule>(1);
    host_sgd_rule_ = PinnedBuffer<SgdRule>(1);
    // Nothing is scaled unless a step clips.
    finishSquares(nullptr, 0, nullptr, nullptr, length_.data(), context_.stream());
  }

  Arena trunk() override { return trunk_store_.arena(); }
  Arena head() override { return head_store_.arena(); }

  void read(std::span<const float> from, std::span<float> to) const override {
    copy(to.data(), from.data(), from.size_bytes(), cudaMemcpyDeviceToHost);
    finish();
  }
  void write(std::span<const float> from, std::span<float> to) override {
    copy(to.data(), from.data(), from.size_bytes(), cudaMemcpyHostToDevice);
    finish();
  }

  void embed(std::span<const uint8_t> images, std::span<float> embeddings) override {
    checkSize("images", images.size(), imageBytes());
    checkSize("embeddings", embeddings.size(), embeddings_.size());
    forward(images);
    read(embeddings_.span(), embeddings);
  }

  PassStats forwardBackward(std::span<const uint8_t> images, std::span<const int32_t> labels,
                            const HeadStep& head_step, float loss_scale, bool accumulate,
                            const GradientsReady& ready) override {
    checkSize("images", images.size(), imageBytes());
    checkSize("labels", labels.size(), rows());
    const cudaStream_t stream = context_.stream();
    marks_.set(kStart, stream);
    copy(labels_.data(), labels.data(), labels.size_bytes(), cudaMemcpyHostToDevice);
    if (spread_) spread_->begin(labels_.span());
    forward(images);
    marks_.set(kEmbedded, stream);
    if (spread_) {
      spread_->run(embeddings_.span(), head_step, loss_scale, accumulate, d_embeddings_.span(),
                   stats_.data());
    } else {
      head_->setRule(head_step, loss_scale);
      classify_.at(accumulate).put(stream, [&] {
        head_->run(embeddings_.data(), labels_.data(), accumulate, d_embeddings_.data(),
                   stats_.data());
      });
    }
    copy(host_stats_.data(), stats_.data(), sizeof(HeadStats), cudaMemcpyDeviceToHost);
    marks_.set(kClassified, stream);
    backward_.at(accumulate).put(stream, [&] {
      trunk_.backward(d_embeddings_.data(), accumulate);
    });
    marks_.set(kEnd, stream);
    if (ready) tellOfGradients(ready);
    upload_.send();
    finish();
    PassStats stats;
    stats.head = *host_stats_.data();
    if (spread_) stats.exchange_seconds = spread_->exchangeSeconds();
    stats.forward_seconds = marks_.seconds(kStart, kEmbedded);
    stats.head_seconds = marks_.seconds(kEmbedded, kClassified) - stats.exchange_seconds;
    stats.backward_seconds = marks_.seconds(kClassified, kEnd);
    return stats;
  }

  void announce(std::span<const uint8_t> images) override {
    checkSize("images", images.size(), imageBytes());
    upload_.announce(images);
  }

  double update(const Update& update) override {
    *host_sgd_rule_.data() = sgdRule(update);
    const bool clips = update.clip_gradients >= 0;
    if (spread_) {
      updateAll(clips);
    } else {
      update_.at(clips).put(context_.stream(), [this, clips] { updateAll(clips); });
    }
    finish();
    return std::sqrt(host_length_.data()->squares);
  }

  std::unique_ptr<ShardTree> makeShardTree(size_t shards) override {
    return std::make_unique<CudaShardTree>(context_, shards, trunk().gradients.size(),
                                           head().gradients.size());
  }

  std::unique_ptr<DeviceReduction> join(const DeviceGroup& group, const DeviceSum& sum) override {
    return joinGpuGroup(context_, group, sum,
                        std::max(trunk().gradients.size(), head().gradients.size()));
  }

  std::string convolutionAlgorithms() const override { return {}; }

  std::vector<std::string> notes() const override { return {concat("GPU: ", context_.name())}; }

  double matrixPeak() override {
    return sphereface::matrixPeak([this](int n) {
      MatrixProductShape shape;
      shape.rows = shape.columns = shape.depth = n;
      shape.pitch_a = shape.pitch_b = shape.pitch_c = static_cast<size_t>(n);
      shape.precision = options_.precision;
      // Large enough for any precision.
      const size_t count = static_cast<size_t>(n) * static_cast<size_t>(n);
      const std::vector<uint32_t> numbers = matrixPeakFactors(count);
      auto factor = std::make_shared<DeviceBuffer<float>>(count);
      auto result = std::make_shared<DeviceBuffer<float>>(count);
      auto product = std::make_shared<GpuMatrixProduct>(context_, shape);
      copy(factor->data(), numbers.data(), factor->bytes(), cudaMemcpyHostToDevice);
      check(cudaStreamSynchronize(context_.stream()), "copy factors");
      return [this, factor, result, product] {
        product->run(factor->data(), factor->data(), result->data());
        check(cudaStreamSynchronize(context_.stream()), "multiply matrices");
      };
    });
  }

  EngineMemory memory() const override {
    EngineMemory memory;
    memory.parameters = trunk_store_.bytes() + head_store_.bytes();
    memory.activations =
        trunk_.bytes() + upload_.bytes() + embeddings_.bytes() + d_embeddings_.bytes();
    if (training_) {
      memory.head =
          (spread_ ? spread_->bytes() : head_->bytes()) + labels_.bytes() + squares_.bytes();
    }
    return memory;
  }

 private:
  size_t rows() const { return static_cast<size_t>(options_.batch); }
  size_t dim() const { return static_cast<size_t>(options_.network.embedding); }
  size_t imageBytes() const { return rows() * options_.network.imageBytes(); }

  void forward(std::span<const uint8_t> images) {
    upload_.take(images, context_.stream());
    forward_.at(upload_.place()).put(context_.stream(), [this] {
      trunk_.forward(upload_.images(), embeddings_.data());
    });
  }
  /// While the GPU is at it: what is told of waits for the marks.
  void tellOfGradients(const GradientsReady& ready) {
    if (!spread_) {
      context_.setFinal(marks_.at(kClassified));
      ready({true, 0, head().gradients});
    }
    size_t told = 0;
    for (const auto& [count, mark] : trunk_.finalParts()) {
      context_.setFinal(mark);
      ready({false, told, trunk().gradients.subspan(told, count - told)});
      told = count;
    }
  }

  void copy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) const {
    check(cudaMemcpyAsync(to, from, bytes, kind, context_.stream()), "copy");
  }
  /// Waits for all work; also where what went wrong in it is heard of.
  void finish() const {
    if (spread_) {
      done_.set(0, context_.stream());
      spread_->exchange().wait(done_.at(0));
    }
    check(cudaStreamSynchronize(context_.stream()), "compute");
  }

  /// By the host's rule; the gradients' length comes to the host.
  void updateAll(bool clips) const {
    const cudaStream_t stream = context_.stream();
    const Arena network = trunk_store_.arena();
    const Arena all = head_store_.arena();
    const Arena head = trainedHead();
    const CudaClassSample* const sample = spread_ ? spread_->sample() : nullptr;
    copy(sgd_rule_.data(), host_sgd_rule_.data(), sizeof(SgdRule), cudaMemcpyHostToDevice);
    if (sample != nullptr) sample->take(all.momentum, head.momentum, stream);
    if (clips) {
      sumSquares(head_table_.chunks(), head_table_.size(), head.gradients.data(), squares_.data(),
                 stream);
      sumSquares(trunk_table_.chunks(), trunk_table_.size(), network.gradients.data(),
                 trunkSquares(), stream);
      findLength(sgd_rule_.data());
    }
    sgdUpdate(head_table_.chunks(), head_table_.size(), sgd_rule_.data(), length_.data(), head,
              squares_.data(), stream);
    sgdUpdate(trunk_table_.chunks(), trunk_table_.size(), sgd_rule_.data(), length_.data(), network,
              trunkSquares(), stream);
    findLength(nullptr);
    if (sample != nullptr) {
      sample->put(head.parameters, all.parameters, stream);
      sample->put(head.momentum, all.momentum, stream);
    }
    copy(host_length_.data(), length_.data(), sizeof(GradientLength), cudaMemcpyDeviceToHost);
  }

  /// What update() works on.
  Arena trainedHead() const { return spread_ ? spread_->trainedArena() : head_store_.arena(); }
  double* trunkSquares() const { return squares_.data() + head_table_.size(); }
  /// From the chunks' squares, and those of the other ranks' classes.
  void findLength(const SgdRule* rule) const {
    const cudaStream_t stream = context_.stream();
    if (!spread_) {
      finishSquares(squares_.data(), squares_.size(), nullptr, rule, length_.data(), stream);
      return;
    }
    addSquares(squares_.data(), head_table_.size(), head_squares_.data(), stream);
    spread_->exchange().sum(head_squares_.span());
    finishSquares(trunkSquares(), trunk_table_.size(), head_squares_.data(), rule, length_.data(),
                  stream);
  }

  static void checkSize(const char* what, size_t got, size_t wanted) {
    if (got != wanted) throw Error(concat("engine: ", got, " ", what, ", expected ", wanted));
  }

  EngineOptions options_;
  GpuContext context_;
  bool training_;
  Store trunk_store_;
  Store head_store_;
  CudaTrunk<T> trunk_;
  ImageUpload upload_;
  DeviceBuffer<float> embeddings_;
  // Of training: one of the heads.
  std::optional<CudaHead<T>> head_;
  std::optional<ClassParallelHead<CudaSpread<T>>> spread_;
  DeviceBuffer<int32_t> labels_;
  DeviceBuffer<float> d_embeddings_;
  DeviceBuffer<HeadStats> stats_;
  PinnedBuffer<HeadStats> host_stats_;
  UpdateTable head_table_;
  UpdateTable trunk_table_;
  DeviceBuffer<double> squares_;      // of the head's chunks, then the network's
  DeviceBuffer<float> head_squares_;  // of all ranks' heads
  DeviceBuffer<GradientLength> length_;
  PinnedBuffer<GradientLength> host_length_;
  DeviceBuffer<SgdRule> sgd_rule_;
  PinnedBuffer<SgdRule> host_sgd_rule_;
  StreamMarks marks_{kMarks};
  StreamMarks done_{1};
  // A step's work, but for a spread head's, in which the ranks wait for each other.
  std::array<RecordedWork, ImageUpload::kPlaces> forward_;  // by the images' place
  std::array<RecordedWork, 2> classify_;                    // by `accumulate`
  std::array<RecordedWork, 2> backward_;                    // likewise
  std::array<RecordedWork, 2> update_;                      // by whether it clips
};

}  // namespace

std::unique_ptr<Engine> makeCudaEngine(const EngineOptions& options) {
  if (options.precision == Precision::kBf16) return std::make_unique<CudaEngine<Bf16>>(options);
  return std::make_unique<CudaEngine<float>>(options);
}

}  // namespace sphereface
