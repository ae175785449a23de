// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <cstdint>
#include <vector>

#include "base/random.h"
#include "kernels/cuda/softmax_kernels.h"
#include "tests/kernels/gpu_arrays.h"

namespace sphereface::testing {

/// The softmax of rows of random logits in one pass, divided as told, and in two.
template <class T>
class RowSoftmax {
 public:
  RowSoftmax(HeadOptions::Type type, int classes)
      : classes_(classes), fractional_(type == HeadOptions::Type::kSphereFaceR2) {
    Random random(static_cast<uint64_t>(classes));
    std::vector<T> z(kImages * pitch());
    for (T& value : z)
      storeFloat(value, static_cast<float>(0.3 * random.normal()));
    std::vector<float> norms;
    std::vector<HeadTarget> targets;
    const HeadOptions options = {
        .type = type, .gradient = HeadOptions::Gradient::kExact, .scale = 7};
    const HeadRule rule =
        headRule(options, {type == HeadOptions::Type::kSphereFaceR2 ? 1.4 : 4.0, 5}, 0.5F);
    for (int image = 0; image < kImages; ++image) {
      // The last image's label is no class here.
      labels_.push_back(image + 1 < kImages ? kFirst + (classes - 1) * image / (kImages - 1) : 0);
      norms.push_back(image == 1 ? 0.0F : 3.0F);
      targets.push_back(headTarget(rule, 0.25F, norms.back(), 1));
    }
    z_ = onDevice(z);
    device_labels_ = onDevice(labels_);
    norms_ = onDevice(norms);
    targets_ = onDevice(targets);
    rule_ = onDevice(std::vector<HeadRule>{rule});
  }

  struct Result {
    std::vector<float> gradients;  // but of the padding
    std::vector<SoftmaxShift> softmax;
    std::vector<TargetGradient> of_targets;
    std::vector<ImageStats> stats;
  };

  Result onePass(const RowDivision& division) {
    rowSoftmax(rule_.data(), fractional_, block(), division, images(), nullptr);
    return result();
  }
  Result twoPasses() {
    const int parts = statisticsParts(classes_);
    const DeviceBuffer<RowPart> memory(static_cast<size_t>(parts * kImages));
    rowStatistics(rule_.data(), fractional_, block(), device_labels_.data(), memory.data(),
                  nullptr);
    mergeStatistics(memory.data(), parts, kImages, images(), nullptr);
    finishImages(rule_.data(), kImages, block().classes, images(), nullptr);
    rowGradients(rule_.data(), fractional_, block(), images(), nullptr);
    return result();
  }

 private:
  static constexpr int kImages = 4;
  static constexpr int kFirst = 11;  // the first class's number

  size_t pitch() const { return static_cast<size_t>(paddedToPacks(classes_)) + kPack; }
  LogitBlock<T> block() const { return {z_.data(), kImages, pitch(), {kFirst, classes_}}; }
  HeadImages images() const {
    return {device_labels_.data(), norms_.data(),    targets_.data(), others_.data(),
            softmax_.data(),       gradient_.data(), stats_.data()};
  }
  Result result() const {
    check(cudaDeviceSynchronize(), "compute");
    const std::vector<T> z = fromDevice(z_);
    Result result = {{}, fromDevice(softmax_), fromDevice(gradient_), fromDevice(stats_)};
    for (size_t image = 0; image < kImages; ++image) {
      for (size_t k = 0; k < static_cast<size_t>(classes_); ++k)
        result.gradients.push_back(toFloat(z[image * pitch() + k]));
    }
    return result;
  }

  int classes_;
  bool fractional_;
  std::vector<int32_t> labels_;
  DeviceBuffer<T> z_;
  DeviceBuffer<int32_t> device_labels_;
  DeviceBuffer<float> norms_;
  DeviceBuffer<HeadTarget> targets_;
  DeviceBuffer<HeadRule> rule_;
  DeviceBuffer<SoftmaxOthers> others_{kImages};
  DeviceBuffer<SoftmaxShift> softmax_{kImages};
  DeviceBuffer<TargetGradient> gradient_{kImages};
  DeviceBuffer<ImageStats> stats_{kImages};
};

}  // namespace sphereface::testing
