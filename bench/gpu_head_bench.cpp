// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The head's kernels on a GPU at three numbers of classes. The floor is memory: each logit read
// once and written once, 2 bytes each way, at the rate at which the card copies. Then the whole
// streaming head, its products included, at the largest.

#include <algorithm>
#include <cstdio>
#include <functional>
#include <vector>

#include "kernels/cuda/cuda_head.h"

namespace {

using namespace sphereface;

constexpr int kImages = 512;
constexpr int kDim = 512;
constexpr int kRuns = 20;

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.at(values.size() / 2);
}

/// Median seconds of `work` put on the stream.
double secondsOf(cudaStream_t stream, const std::function<void()>& work) {
  cudaEvent_t begin = nullptr;
  cudaEvent_t end = nullptr;
  check(cudaEventCreate(&begin), "make an event");
  check(cudaEventCreate(&end), "make an event");
  std::vector<double> seconds;
  for (int run = -2; run < kRuns; ++run) {
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

/// Bytes a second of a copy within the card, read and written ones.
double copyBandwidth(cudaStream_t stream) {
  constexpr size_t kBytes = size_t{1} << 30;
  const DeviceBuffer<uint8_t> from(kBytes);
  const DeviceBuffer<uint8_t> to(kBytes);
  const double seconds = secondsOf(stream, [&] {
    check(cudaMemcpyAsync(to.data(), from.data(), kBytes, cudaMemcpyDeviceToDevice, stream),
          "copy");
  });
  return 2 * static_cast<double>(kBytes) / seconds;
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

void measureKernels(const GpuContext& context, int classes, double bandwidth) {
  const cudaStream_t stream = context.stream();
  const auto pitch = static_cast<size_t>(paddedToPacks(classes));
  const DeviceBuffer<Bf16> z(kImages * pitch);
  const LogitBlock<Bf16> block = {z.data(), kImages, pitch, {0, classes}};
  const Images images;
  const HeadRule rule = headRule({}, {4, 5}, 1.0F / kImages);
  const DeviceBuffer<HeadRule> device_rule(1);
  check(cudaMemcpyAsync(device_rule.data(), &rule, sizeof(rule), cudaMemcpyHostToDevice, stream),
        "copy");
  const int parts = statisticsParts(classes);
  const DeviceBuffer<RowPart> part_memory(static_cast<size_t>(parts) * kImages);
  const bool one_pass = fitsRowSoftmax<Bf16>(classes);
  const double seconds = secondsOf(stream, [&] {
    if (one_pass) return rowSoftmax(device_rule.data(), false, block, images.all(), stream);
    rowStatistics(device_rule.data(), false, block, images.labels.data(), part_memory.data(),
                  stream);
    mergeStatistics(part_memory.data(), parts, kImages, images.all(), stream);
    finishImages(device_rule.data(), kImages, {0, classes}, images.all(), stream);
    rowGradients(device_rule.data(), false, block, images.all(), stream);
  });
  const double bytes = 2.0 * kImages * classes * sizeof(Bf16);
  std::printf(
      "kernels, %7d classes, %s: %.4f ms, %.0f GB/s of compulsory bytes, %.0f %% of a "
      "copy's\n",
      classes, one_pass ? "one pass" : "two passes", 1e3 * seconds, bytes / seconds / 1e9,
      100 * bytes / seconds / bandwidth);
}

void measureHead(const GpuContext& context, int classes) {
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
  const DeviceBuffer<HeadStats> stats(1);
  CudaHead<Bf16> head(context, options, {W.span(), dW.span(), {}});
  head.setRule({4, 5}, 1.0F / kImages);
  const double seconds = secondsOf(
      context.stream(), [&] { head.run(x.data(), labels.data(), false, dx.data(), stats.data()); });
  std::printf("whole head, %7d classes: %.3f ms, %.1f TFLOP/s, buffers %.0f MB beside W's %.0f\n",
              classes, 1e3 * seconds, 6.0 * kImages * kDim * classes / seconds / 1e12,
              static_cast<double>(head.bytes()) / 1e6, static_cast<double>(W.bytes()) / 1e6);
}

}  // namespace

int main() {
  try {
    const GpuContext context(0);
    const double bandwidth = copyBandwidth(context.stream());
    std::printf("%s; copies %.0f GB/s (read and written)\n", context.name().c_str(),
                bandwidth / 1e9);
    for (const int classes : {10572, 100000, 1000000})
      measureKernels(context, classes, bandwidth);
    for (const int classes : {10572, 100000, 1000000})
      measureHead(context, classes);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "gpu_head_bench: error: %s\n", e.what());
    return 1;
  }
  return 0;
}
