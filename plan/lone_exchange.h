// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <algorithm>

#include "kernels/head_exchange.h"

namespace sphereface {

/// For a probe of one worker's part of a head whose classes are spread: stands in for the other
/// workers, as if their images were this one's again and their classes gave nothing. The sizes and
/// the work are the real ones.
class LoneExchange final : public HeadExchange {
 public:
  /// `images`: of all workers in a pass.
  explicit LoneExchange(int images) : images_(images) {}

  int images() const override { return images_; }
  void gather(std::span<const float> own, std::span<float> all) override { repeat(own, all); }
  void gather(std::span<const int32_t> own, std::span<int32_t> all) override { repeat(own, all); }
  void maximum(std::span<float> /*values*/) override {}
  void sum(std::span<float> /*values*/) override {}
  void scatterSum(std::span<float> all, std::span<float> own) override {
    std::copy_n(all.begin(), own.size(), own.begin());
  }

 private:
  template <class T>
  static void repeat(std::span<const T> own, std::span<T> all) {
    for (size_t k = 0; k < all.size(); ++k)
      all[k] = own[k % own.size()];
  }

  int images_;
};

}  // namespace sphereface
