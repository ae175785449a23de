// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/decoded_cache.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "base/error.h"

namespace sphereface {
namespace {

constexpr uint32_t kNone = UINT32_MAX;
constexpr uint32_t kFilling = UINT32_MAX - 1;

}  // namespace

DecodedCache::DecodedCache(uint64_t records, size_t image_bytes, size_t budget)
    : image_bytes_(image_bytes),
      capacity_(std::min(
          {budget / image_bytes, static_cast<size_t>(records), static_cast<size_t>(kFilling)})) {
  if (capacity_ == 0) return;
  try {
    pixels_.reset(new uint8_t[capacity_ * image_bytes_]);  // left unset, so untouched
    labels_.resize(capacity_);
    slots_ = std::make_unique<std::atomic<uint32_t>[]>(records);
  } catch (const std::bad_alloc&) {
    throw Error(concat("no memory for a cache of ", capacity_ * image_bytes_,
                       " bytes: lower data.cache_megabytes"));
  }
  for (uint64_t record = 0; record < records; ++record)
    slots_[record].store(kNone, std::memory_order_relaxed);
}

DecodedCache::Entry DecodedCache::find(uint64_t record) const {
  if (capacity_ == 0) return {};
  const uint32_t slot = slots_[record].load(std::memory_order_acquire);
  if (slot >= kFilling) return {};
  return {pixels_.get() + slot * image_bytes_, labels_[slot]};
}

void DecodedCache::keep(uint64_t record, const uint8_t* planes, int32_t label) {
  if (used_.load(std::memory_order_relaxed) >= capacity_) return;
  uint32_t expected = kNone;
  if (!slots_[record].compare_exchange_strong(expected, kFilling)) return;
  const size_t slot = used_.fetch_add(1);
  if (slot >= capacity_) {
    slots_[record].store(kNone);
    return;
  }
  std::memcpy(pixels_.get() + slot * image_bytes_, planes, image_bytes_);
  labels_[slot] = label;
  slots_[record].store(static_cast<uint32_t>(slot), std::memory_order_release);
}

uint64_t DecodedCache::bytes() const {
  return std::min(used_.load(std::memory_order_relaxed), capacity_) * image_bytes_;
}

}  // namespace sphereface
