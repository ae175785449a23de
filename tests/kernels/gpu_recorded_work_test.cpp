// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/cuda/recorded_work.h"

#include <gtest/gtest.h>

#include "kernels/cuda/device_buffer.h"
#include "kernels/cuda/gpu_context.h"
#include "kernels/cuda/stream_marks.h"
#include "kernels/cuda/sum_kernels.h"

namespace sphereface {
namespace {

class GpuRecordedWork : public ::testing::Test {
 protected:
  /// Rounds what is in host_ and brings it back.
  void work() const {
    const cudaStream_t stream = context_.stream();
    check(cudaMemcpyAsync(values_.data(), host_.data(), sizeof(float), cudaMemcpyHostToDevice,
                          stream),
          "copy");
    roundToBf16(1, values_.data(), rounded_.data(), stream);
    widenBf16(1, rounded_.data(), values_.data(), stream);
    marks_.set(0, stream);
    check(cudaMemcpyAsync(host_.data(), values_.data(), sizeof(float), cudaMemcpyDeviceToHost,
                          stream),
          "copy");
  }

  GpuContext context_{0};
  PinnedBuffer<float> host_{1};
  DeviceBuffer<float> values_{1};
  DeviceBuffer<Bf16> rounded_{1};
  StreamMarks marks_{1};
};

TEST_F(GpuRecordedWork, IsAskedForTwiceAndDoneEachTime) {
  for (const bool records : {false, true}) {
    RecordedWork recorded(records);
    int asked = 0;
    for (int time = 1; time <= 5; ++time) {
      *host_.data() = static_cast<float>(time) + 0x1p-20F;
      recorded.put(context_.stream(), [&] {
        ++asked;
        work();
      });
      check(cudaStreamSynchronize(context_.stream()), "compute");
      EXPECT_EQ(*host_.data(), static_cast<float>(time));
    }
    EXPECT_EQ(asked, records ? 2 : 5);
  }
}

TEST_F(GpuRecordedWork, AnotherStreamCanWaitForAPointInIt) {
  RecordedWork recorded(true);
  cudaStream_t other = nullptr;
  check(cudaStreamCreateWithFlags(&other, cudaStreamNonBlocking), "make a stream");
  PinnedBuffer<float> seen(1);
  for (int time = 1; time <= 5; ++time) {
    *host_.data() = static_cast<float>(time) + 0x1p-20F;
    recorded.put(context_.stream(), [&] { work(); });
    check(cudaStreamWaitEvent(other, marks_.at(0), 0), "wait for an event");
    check(
        cudaMemcpyAsync(seen.data(), values_.data(), sizeof(float), cudaMemcpyDeviceToHost, other),
        "copy");
    check(cudaStreamSynchronize(other), "copy");
    EXPECT_EQ(*seen.data(), static_cast<float>(time));
    check(cudaStreamSynchronize(context_.stream()), "compute");
  }
  check(cudaStreamDestroy(other), "end a stream");
}

TEST_F(GpuRecordedWork, WorkThatWaitsIsRefusedWithARemedy) {
  RecordedWork recorded(true);
  const auto waiting = [&] {
    check(cudaStreamSynchronize(context_.stream()), "wait for the stream");
  };
  recorded.put(context_.stream(), waiting);
  try {
    recorded.put(context_.stream(), waiting);
    FAIL() << "was recorded";
  } catch (const Error& e) {
    const std::string text = e.what();
    EXPECT_NE(text.find("wait for the stream"), std::string::npos) << text;
    EXPECT_NE(text.find("worker.cuda_graphs"), std::string::npos) << text;
  }
  // The stream is as before.
  RecordedWork other(true);
  *host_.data() = 3;
  for (int time = 0; time < 3; ++time)
    other.put(context_.stream(), [&] { work(); });
  check(cudaStreamSynchronize(context_.stream()), "compute");
  EXPECT_EQ(*host_.data(), 3);
}

}  // namespace
}  // namespace sphereface
