// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "worker/checkpoint_writer.h"

#include <utility>

#include "base/clock.h"

namespace sphereface {

void CheckpointWriter::begin(const Engine& engine, const std::vector<CheckpointSlice>& slices,
                             CheckpointPart message) {
  const double begin = secondsNow();
  size_t count = 0;
  for (const CheckpointSlice& slice : slices) {
    for (const std::span<const float> piece : slice.pieces)
      count += piece.size();
  }
  if (copy_.size() < count) copy_ = AlignedBuffer<float>(count);
  std::vector<CheckpointSlice> copies;
  float* to = copy_.data();
  for (const CheckpointSlice& slice : slices) {
    const float* first = to;
    for (const std::span<const float> piece : slice.pieces) {
      engine.read(piece, {to, piece.size()});
      to += piece.size();
    }
    copies.push_back({slice.content, slice.offset, {{first, to}}});
  }
  writing_ = std::async(std::launch::async, [copies, begin, done = std::move(message)]() mutable {
    for (const CheckpointSlice& slice : copies)
      *done.add_part() = writeCheckpointSlice(done.folder(), slice);
    done.set_seconds(secondsNow() - begin);
    return std::move(done);
  });
}

bool CheckpointWriter::idleWithin(std::chrono::milliseconds patience) const {
  return !writing_.valid() || writing_.wait_for(patience) == std::future_status::ready;
}

std::optional<CheckpointPart> CheckpointWriter::finished() {
  if (!writing_.valid() || !idleWithin(std::chrono::milliseconds(0))) return std::nullopt;
  return writing_.get();
}

std::optional<CheckpointPart> CheckpointWriter::finish() {
  if (!writing_.valid()) return std::nullopt;
  return writing_.get();
}

}  // namespace sphereface
