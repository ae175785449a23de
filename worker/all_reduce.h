// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The sum (or maximum) of all ranks' values, on every rank, over point-to-point messages
// (worker/peer_messages.h): each rank collects its slice from all others, puts it together in the
// order of a fixed binary tree over the ranks, and hands the result back to all. So it has the same
// bits however the messages arrive, and a sum those of a tree over more, smaller parts
// (worker/shard_tree.h).

#pragma once

#include <mpi.h>

#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "base/aligned_buffer.h"
#include "kernels/cpu/bf16.h"
#include "worker/peer_messages.h"

namespace sphereface {

/// What values travel as. Sums are made in fp32 always; with kBf16 each contribution of another
/// rank and the sum are rounded once.
enum class Wire { kFp32, kBf16 };

class AllReduce {
 public:
  /// For up to `largest` values at a time over the ranks of `comm`, which must carry nothing else
  /// meanwhile. Made by all of them together.
  AllReduce(MPI_Comm comm, Wire wire, size_t largest, std::chrono::seconds timeout);

  /// requires: every rank calls with the same count and combine, in the same order.
  /// ensures: the same bits on every rank.
  /// cost: 2 (n-1)/n of the bytes on the wire, each way.
  /// errors: Error naming the ranks that were waited for in vain, and their hosts.
  void operator()(std::span<float> values, Combine combine = Combine::kSum);

 private:
  size_t sliceBegin(size_t count, int rank) const;
  void combineContributions(float* own, size_t count, Combine combine);

  PeerMessages messages_;
  Wire wire_;
  size_t slice_ = 0;  // the largest one, rounded up
  uint64_t calls_ = 0;
  AlignedBuffer<float> received_;  // [ranks, slice]; this rank's own is unused
  AlignedBuffer<Bf16> packed_;     // [ranks, slice]: what goes out
  AlignedBuffer<Bf16> unpacked_;   // [ranks, slice]: what comes in
  std::vector<float*> parts_;      // by rank
};

/// The first rank's text, on every rank of `comm`.
void broadcast(MPI_Comm comm, std::string& text);

}  // namespace sphereface
