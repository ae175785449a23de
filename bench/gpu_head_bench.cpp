// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The head's kernels on a GPU at three numbers of classes. The floor is memory: each logit read
// once and written once, 2 bytes each way, at the rate at which the card copies. One batch's logits
// can stay in the card's cache, so batches take turns until they can't; copies of as many bytes in
// as many pieces are timed beside them. Then the whole head, its products included. Times are
// medians.
//
//   build/gpu/bin/gpu_head_bench

#include <algorithm>
#include <functional>
#include <vector>

#include "base/error.h"
#include "base/random.h"
#include "base/statistics.h"
#include "bench/harness.h"
#include "kernels/cuda/cuda_head.h"

namespace {

using namespace sphereface;

constexpr int kImages = 512;
constexpr int kDim = 512;
constexpr int kRuns = 20;
constexpr size_t kMoreThanCached = size_t{512} << 20;

/// Median seconds of `work` put on the stream, after `prepare`.
double secondsOf(cudaStream_t stream, const std::function<void()>& prepare,
                 const std::function<void()>& work) {
  cudaEvent_t begin = nullptr;
  cudaEvent_t end = nullptr;
  check(cudaEventCreate(&begin), "make an event");
  check(cudaEventCreate(&end), "make an event");
  std::vector<double> seconds;
  for (int run = -2; run < kRuns; ++run) {
    prepare();
    check(cudaEventRecord(begin, stream), "record an event");
    work();
    check(cudaEventRecord(end, stream), "record an event");
    check(cudaStreamSynchronize(stream), "compute");
    float milliseconds = 0;
    check(cudaEventElapsedTime(&milliseconds, begin, end), "read an event");
    if (run >= 0) seconds.push_back(static_cast<double>(milliseconds) / 1000);
  }
  static_cast<void>(cudaEventDestroy(begin));
  static_cast<void>(cudaEventDestroy(end));
  return median(seconds);
}

void copyOnCard(void* to, const void* from, size_t bytes, cudaStream_t stream) {
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream), "copy");
}

/// Normal numbers, the same ones again and again. Zeros would be faster to multiply.
template <class T>
void fill(const DeviceBuffer<T>& to, cudaStream_t stream) {
  std::vector<T> numbers(std::min(to.size(), size_t{1} << 22));
  Random random(1);
  for (T& value : numbers)
    storeFloat(value, static_cast<float>(random.normal()));
  check(cudaMemcpyAsync(to.data(), numbers.data(), numbers.size() * sizeof(T),
                        cudaMemcpyHostToDevice, stream),
        "copy");
  check(cudaStreamSynchronize(stream), "copy");
  for (size_t done = numbers.size(); done < to.size(); done *= 2)
    copyOnCard(to.data() + done, to.data(), std::min(done, to.size() - done) * sizeof(T), stream);
}

struct Images {
  DeviceBuffer<int32_t> labels{kImages};
  DeviceBuffer<float> norm{kImages};
  DeviceBuffer<HeadTarget> target{kImages};
  DeviceBuffer<SoftmaxOthers> others{kImages};
  DeviceBuffer<SoftmaxShift> softmax{kImages};
  DeviceBuffer<TargetGradient> gradient{kImages};
  DeviceBuffer<ImageStats> stats{kImages};

  HeadImages all() const {
    return {labels.data(),  norm.data(),     target.data(), others.data(),
            softmax.data(), gradient.data(), stats.data()};
  }
};

void measureKernels(const GpuContext& context, int classes, bench::Bench& bench) {
  const cudaStream_t stream = context.stream();
  const auto pitch = static_cast<size_t>(paddedToPacks(classes));
  const size_t batch = kImages * pitch;
  const size_t batches = std::max<size_t>(1, kMoreThanCached / (batch * sizeof(Bf16)));
  const DeviceBuffer<Bf16> logits(batches * batch);
  const DeviceBuffer<Bf16> z(logits.size());
  fill(logits, stream);
  const Images images;
  const HeadRule rule = headRule({}, {4, 5}, 1.0F / kImages);
  const DeviceBuffer<HeadRule> device_rule(1);
  check(cudaMemcpyAsync(device_rule.data(), &rule, sizeof(rule), cudaMemcpyHostToDevice, stream),
        "copy");
  const int parts = statisticsParts(classes);
  const DeviceBuffer<RowPart> part_memory(static_cast<size_t>(parts) * kImages);
  const RowDivision rows = divideRow<Bf16>(classes);
  auto softmax = [&](const LogitBlock<Bf16>& block) {
    if (rows.blocks > 0)
      return rowSoftmax(device_rule.data(), false, block, rows, images.all(), stream);
    rowStatistics(device_rule.data(), false, block, images.labels.data(), part_memory.data(),
                  stream);
    mergeStatistics(part_memory.data(), parts, kImages, images.all(), stream);
    finishImages(device_rule.data(), kImages, {0, classes}, images.all(), stream);
    rowGradients(device_rule.data(), false, block, images.all(), stream);
  };
  auto for_batches = [&](const auto& use) {
    for (size_t k = 0; k < batches; ++k)
      use(k * batch);
  };
  const double seconds = secondsOf(
      stream, [&] { copyOnCard(z.data(), logits.data(), z.bytes(), stream); },
      [&] {
        for_batches([&](size_t at) { softmax({z.data() + at, kImages, pitch, {0, classes}}); });
      });
  const double copying = secondsOf(
      stream, [] {},
      [&] {
        for_batches([&](size_t at) {
          copyOnCard(z.data() + at, logits.data() + at, batch * sizeof(Bf16), stream);
        });
      });
  const double bytes = 2.0 * static_cast<double>(z.bytes());
  const std::string how =
      rows.blocks > 0 ? concat("one pass, a row in ", rows.blocks, " blocks") : "two passes";
  bench.row("kernels", {{"classes", classes},
                        {"kernels", how, 28},
                        {"ms", 1e3 * seconds / static_cast<double>(batches), 4},
                        {"compulsory GB/s", 1e-9 * bytes / seconds},
                        {"copies' GB/s", 1e-9 * bytes / copying},
                        {"% of copies'", 100 * copying / seconds}});
}

void measureHead(const GpuContext& context, int classes, bench::Bench& bench) {
  EngineOptions options;
  options.network.embedding = kDim;
  options.batch = kImages;
  options.classes = classes;
  options.precision = Precision::kBf16;
  const size_t weights = static_cast<size_t>(classes) * kDim;
  const DeviceBuffer<float> W(weights);
  const DeviceBuffer<float> dW(weights);
  const DeviceBuffer<float> x(static_cast<size_t>(kImages) * kDim);
  const DeviceBuffer<float> dx(x.size());
  const DeviceBuffer<int32_t> labels(kImages);
  fill(W, context.stream());
  fill(x, context.stream());
  const DeviceBuffer<HeadStats> stats(1);
  CudaHead<Bf16> head(context, options, {W.span(), dW.span(), {}});
  head.setRule({4, 5}, 1.0F / kImages);
  const double seconds = secondsOf(
      context.stream(), [] {},
      [&] { head.run(x.data(), labels.data(), false, dx.data(), stats.data()); });
  bench.row("heads", {{"classes", classes},
                      {"whole head ms", 1e3 * seconds, 3},
                      {"TFLOP/s", 6e-12 * kImages * kDim * classes / seconds, 1},
                      {"buffers MB", 1e-6 * static_cast<double>(head.bytes())},
                      {"beside W's MB", 1e-6 * static_cast<double>(W.bytes())}});
}

void measure(bench::Bench& bench) {
  bench.start();
  const GpuContext context(0);
  bench.fact({"gpu", context.name()});
  bench.fact({"images", kImages});
  for (const int classes : {10572, 100000, 1000000})
    measureKernels(context, classes, bench);
  for (const int classes : {10572, 100000, 1000000})
    measureHead(context, classes, bench);
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run(argc, argv, measure);
}
