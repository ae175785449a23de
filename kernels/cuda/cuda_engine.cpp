// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/cuda/cuda_engine.h"

#include <array>
#include <cmath>

#include "kernels/cuda/cuda_head.h"
#include "kernels/cuda/cuda_trunk.h"
#include "kernels/cuda/gpu_reduction.h"
#include "kernels/cuda/sgd_kernels.h"

namespace sphereface {
namespace {

/// Parameters with, when training, gradients and momenta.
class Store {
 public:
  Store(size_t count, bool training)
      : parameters_(count), gradients_(training ? count : 0), momentum_(training ? count : 0) {}
  Arena arena() const { return {parameters_.span(), gradients_.span(), momentum_.span()}; }
  size_t bytes() const { return parameters_.bytes() + gradients_.bytes() + momentum_.bytes(); }

 private:
  DeviceBuffer<float> parameters_;
  DeviceBuffer<float> gradients_;
  DeviceBuffer<float> momentum_;
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

/// Points in the stream's work, to tell the time between them.
class Marks {
 public:
  enum Mark { kStart, kEmbedded, kClassified, kEnd, kMarks };

  Marks() {
    for (cudaEvent_t& event : events_)
      check(cudaEventCreate(&event), "make an event");
  }
  Marks(const Marks&) = delete;
  Marks& operator=(const Marks&) = delete;
  ~Marks() {
    for (const cudaEvent_t event : events_)
      static_cast<void>(cudaEventDestroy(event));
  }
  void set(Mark mark, cudaStream_t stream) const {
    check(cudaEventRecord(events_.at(mark), stream), "record an event");
  }
  /// requires: the stream's work is done.
  double seconds(Mark from, Mark to) const {
    float milliseconds = 0;
    check(cudaEventElapsedTime(&milliseconds, events_.at(from), events_.at(to)), "read an event");
    return static_cast<double>(milliseconds) / 1000;
  }

 private:
  std::array<cudaEvent_t, kMarks> events_ = {};
};

template <class T>
class CudaEngine final : public Engine {
 public:
  explicit CudaEngine(const EngineOptions& options)
      : options_(options),
        context_(options.device_index),
        training_(options.classes > 0),
        trunk_store_(options.network.parameter_count, training_),
        head_store_(static_cast<size_t>(options.classes) * dim(), training_),
        trunk_(context_, options, trunk_store_.arena().parameters.data(),
               training_ ? trunk_store_.arena().gradients.data() : nullptr),
        images_(rows() * options.network.imageBytes()),
        embeddings_(rows() * dim()) {
    if (!training_) return;
    head_ = std::make_unique<CudaHead<T>>(context_, options, head_store_.arena());
    labels_ = DeviceBuffer<int32_t>(rows());
    d_embeddings_ = DeviceBuffer<float>(rows() * dim());
    stats_ = DeviceBuffer<HeadStats>(1);
    host_stats_ = PinnedBuffer<HeadStats>(1);
    trunk_table_ = trunkTable(options.network);
    head_table_ = headTable(head_store_.arena().parameters.size());
    squares_ = DeviceBuffer<double>(head_table_.size() + trunk_table_.size());
    length_ = DeviceBuffer<GradientLength>(1);
    host_length_ = PinnedBuffer<GradientLength>(1);
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
    checkSize("images", images.size(), images_.size());
    checkSize("embeddings", embeddings.size(), embeddings_.size());
    copy(images_.data(), images.data(), images.size(), cudaMemcpyHostToDevice);
    trunk_.forward(images_.data(), embeddings_.data());
    read(embeddings_.span(), embeddings);
  }

  PassStats forwardBackward(std::span<const uint8_t> images, std::span<const int32_t> labels,
                            const HeadStep& head_step, float loss_scale, bool accumulate,
                            const GradientsReady& ready) override {
    checkSize("images", images.size(), images_.size());
    checkSize("labels", labels.size(), rows());
    const cudaStream_t stream = context_.stream();
    marks_.set(Marks::kStart, stream);
    copy(images_.data(), images.data(), images.size(), cudaMemcpyHostToDevice);
    copy(labels_.data(), labels.data(), labels.size_bytes(), cudaMemcpyHostToDevice);
    trunk_.forward(images_.data(), embeddings_.data());
    marks_.set(Marks::kEmbedded, stream);
    head_->run(embeddings_.data(), labels_.data(), head_step, loss_scale, accumulate,
               d_embeddings_.data(), stats_.data());
    copy(host_stats_.data(), stats_.data(), sizeof(HeadStats), cudaMemcpyDeviceToHost);
    if (ready) ready(head_store_.arena().gradients);
    marks_.set(Marks::kClassified, stream);
    size_t told = 0;
    trunk_.backward(d_embeddings_.data(), accumulate, [&](size_t final) {
      if (ready) ready(trunk_store_.arena().gradients.subspan(told, final - told));
      told = final;
    });
    marks_.set(Marks::kEnd, stream);
    finish();
    PassStats stats;
    stats.head = *host_stats_.data();
    stats.forward_seconds = marks_.seconds(Marks::kStart, Marks::kEmbedded);
    stats.head_seconds = marks_.seconds(Marks::kEmbedded, Marks::kClassified);
    stats.backward_seconds = marks_.seconds(Marks::kClassified, Marks::kEnd);
    return stats;
  }

  double update(const Update& update) override {
    const cudaStream_t stream = context_.stream();
    const size_t all = head_table_.size() + trunk_table_.size();
    double* const trunk_squares = squares_.data() + head_table_.size();
    if (update.clip_gradients >= 0) {
      sumSquares(head_table_.chunks(), head_table_.size(), head().gradients.data(), squares_.data(),
                 stream);
      sumSquares(trunk_table_.chunks(), trunk_table_.size(), trunk().gradients.data(),
                 trunk_squares, stream);
    }
    // Without clipping, of an earlier step's squares: only to have a scale of 1.
    finishSquares(squares_.data(), all, update.clip_gradients, length_.data(), stream);
    sgdUpdate(head_table_.chunks(), head_table_.size(), update, length_.data(), head(),
              squares_.data(), stream);
    sgdUpdate(trunk_table_.chunks(), trunk_table_.size(), update, length_.data(), trunk(),
              trunk_squares, stream);
    finishSquares(squares_.data(), all, -1, length_.data(), stream);
    copy(host_length_.data(), length_.data(), sizeof(GradientLength), cudaMemcpyDeviceToHost);
    finish();
    return std::sqrt(host_length_.data()->squares);
  }

  std::string newDeviceGroup() const override { return newGpuGroup(); }
  std::unique_ptr<DeviceReduction> join(const DeviceGroup& group) override {
    return joinGpuGroup(context_, group);
  }

  std::string convolutionAlgorithms() const override { return {}; }

  std::vector<std::string> notes() const override { return {concat("GPU: ", context_.name())}; }

  EngineMemory memory() const override {
    EngineMemory memory;
    memory.parameters = trunk_store_.bytes() + head_store_.bytes();
    memory.activations =
        trunk_.bytes() + images_.bytes() + embeddings_.bytes() + d_embeddings_.bytes();
    if (training_) memory.head = head_->bytes() + labels_.bytes() + squares_.bytes();
    return memory;
  }

 private:
  size_t rows() const { return static_cast<size_t>(options_.batch); }
  size_t dim() const { return static_cast<size_t>(options_.network.embedding); }

  void copy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) const {
    check(cudaMemcpyAsync(to, from, bytes, kind, context_.stream()), "copy");
  }
  /// Waits for all work; also where what went wrong in it is heard of.
  void finish() const { check(cudaStreamSynchronize(context_.stream()), "compute"); }

  static void checkSize(const char* what, size_t got, size_t wanted) {
    if (got != wanted) throw Error(concat("engine: ", got, " ", what, ", expected ", wanted));
  }

  EngineOptions options_;
  GpuContext context_;
  bool training_;
  Store trunk_store_;
  Store head_store_;
  CudaTrunk<T> trunk_;
  DeviceBuffer<uint8_t> images_;
  DeviceBuffer<float> embeddings_;
  // Of training.
  std::unique_ptr<CudaHead<T>> head_;
  DeviceBuffer<int32_t> labels_;
  DeviceBuffer<float> d_embeddings_;
  DeviceBuffer<HeadStats> stats_;
  PinnedBuffer<HeadStats> host_stats_;
  UpdateTable head_table_;
  UpdateTable trunk_table_;
  DeviceBuffer<double> squares_;  // of the head's chunks, then the network's
  DeviceBuffer<GradientLength> length_;
  PinnedBuffer<GradientLength> host_length_;
  Marks marks_;
};

}  // namespace

std::unique_ptr<Engine> makeCudaEngine(const EngineOptions& options) {
  if (options.precision == Precision::kBf16) return std::make_unique<CudaEngine<Bf16>>(options);
  return std::make_unique<CudaEngine<float>>(options);
}

}  // namespace sphereface
