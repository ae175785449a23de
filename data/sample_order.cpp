// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/sample_order.h"

#include <algorithm>
#include <numeric>

#include "base/random.h"

namespace sphereface {
namespace {

constexpr uint64_t kNone = ~0ULL;
// Keys of the two kinds of shuffle.
constexpr uint64_t kBlockStream = 1;
constexpr uint64_t kWindowStream = 2;

}  // namespace

SampleOrder::SampleOrder(uint64_t records, uint64_t seed)
    : records_(records), seed_(seed), epoch_(kNone), window_(kNone) {}

uint64_t SampleOrder::record(uint64_t position) {
  if (position / records_ != epoch_) enterEpoch(position / records_);
  const uint64_t index = position % records_;
  const bool in_window =
      window_ != kNone && index >= window_start_[window_] && index < window_start_[window_ + 1];
  if (!in_window) {
    const auto after = std::upper_bound(window_start_.begin(), window_start_.end(), index);
    enterWindow(static_cast<uint64_t>(after - window_start_.begin()) - 1);
  }
  return window_records_[index - window_start_[window_]];
}

void SampleOrder::enterEpoch(uint64_t epoch) {
  epoch_ = epoch;
  window_ = kNone;
  blocks_.resize((records_ + kBlockRecords - 1) / kBlockRecords);
  std::iota(blocks_.begin(), blocks_.end(), 0);
  Random random(seed_, kBlockStream, epoch);
  shuffle(blocks_, random);
  window_start_.assign(1, 0);
  uint64_t seen = 0;
  for (size_t i = 0; i < blocks_.size(); ++i) {
    // The data set's last block may be short.
    seen += std::min(kBlockRecords, records_ - blocks_[i] * kBlockRecords);
    if ((i + 1) % kBlocksPerWindow == 0 || i + 1 == blocks_.size()) window_start_.push_back(seen);
  }
}

void SampleOrder::enterWindow(uint64_t window) {
  window_ = window;
  window_records_.clear();
  const uint64_t end = std::min<uint64_t>(blocks_.size(), (window + 1) * kBlocksPerWindow);
  for (uint64_t i = window * kBlocksPerWindow; i < end; ++i) {
    const uint64_t first = blocks_[i] * kBlockRecords;
    const uint64_t last = std::min(records_, first + kBlockRecords);
    for (uint64_t record = first; record < last; ++record)
      window_records_.push_back(record);
  }
  // One key per window of the endless sequence.
  Random random(seed_, kWindowStream, epoch_ * window_start_.size() + window);
  shuffle(window_records_, random);
}

}  // namespace sphereface
