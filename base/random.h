// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Random numbers that are the same on every machine, compiler and thread count. A generator is
// keyed by up to three integers (say seed, epoch, sample), so that any sample's numbers can be
// made without those before it. The standard library's distributions differ between
// implementations, which is why they are not used.

#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <utility>
#include <vector>

namespace sphereface {

/// SplitMix64 (Steele, Lea, Flood 2014), seeded by mixing the key.
class Random {
  __extension__ using Wide = unsigned __int128;

 public:
  explicit Random(uint64_t key0, uint64_t key1 = 0, uint64_t key2 = 0)
      : state_(mix(mix(mix(key0 + kGolden) + key1 + kGolden) + key2 + kGolden)) {}

  uint64_t next() { return mix(state_ += kGolden); }
  /// As if next() had been called so many times.
  void skip(uint64_t count) { state_ += count * kGolden; }

  /// Uniform in [0, 1).
  double uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
  double uniform(double low, double high) { return low + (high - low) * uniform(); }

  /// Standard normal (Box-Muller, one of the pair).
  double normal() {
    const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
    return radius * std::cos(2.0 * std::numbers::pi * uniform());
  }

  /// Uniform in 0 .. bound-1. requires: bound > 0. Bias below bound / 2^64.
  uint64_t below(uint64_t bound) {
    return static_cast<uint64_t>((static_cast<Wide>(next()) * bound) >> 64);
  }

  bool chance(double probability) { return uniform() < probability; }

 private:
  static constexpr uint64_t kGolden = 0x9e3779b97f4a7c15ULL;

  static constexpr uint64_t mix(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }

  uint64_t state_;
};

/// Fisher-Yates.
template <class T>
void shuffle(std::vector<T>& values, Random& random) {
  for (size_t i = values.size(); i > 1; --i)
    std::swap(values[i - 1], values[random.below(i)]);
}

}  // namespace sphereface
