// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Decoded records in memory, so that each is decoded once. Nothing is put out to make room: an
// epoch visits every record once in an order of its own, so any record that fits is as likely to be
// asked for next as any other, and replacing would only cost.

#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace sphereface {

/// Thread-safe.
class DecodedCache {
 public:
  /// For `records` images of `image_bytes` each, in at most `budget` bytes of pixels; memory is
  /// touched as it fills. errors: Error when so much can't be had.
  DecodedCache(uint64_t records, size_t image_bytes, size_t budget);

  struct Entry {
    const uint8_t* planes = nullptr;  // lives as long as the cache; null: not kept
    int32_t label = 0;
  };
  Entry find(uint64_t record) const;

  /// Copies the image, unless it is kept already or there is no room.
  void keep(uint64_t record, const uint8_t* planes, int32_t label);

  /// Bytes of pixels kept.
  uint64_t bytes() const;

 private:
  size_t image_bytes_;
  size_t capacity_;  // images
  std::unique_ptr<uint8_t[]> pixels_;
  std::vector<int32_t> labels_;                     // of each slot
  std::unique_ptr<std::atomic<uint32_t>[]> slots_;  // of each record, or kNone, kFilling
  std::atomic<size_t> used_{0};
};

}  // namespace sphereface
