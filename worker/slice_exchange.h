// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The two halves of an all-reduce over point-to-point messages (worker/peer_messages.h): each rank
// collects its slice of the values from all others and puts it together; each rank hands its slice
// out to all others.

#pragma once

#include <mpi.h>

#include <cstddef>
#include <span>
#include <vector>

#include "base/aligned_buffer.h"
#include "kernels/bf16.h"
#include "worker/peer_messages.h"

namespace sphereface {

/// What values travel as. They are put together in fp32 always; with kBf16 each contribution of
/// another rank and the result are rounded once.
enum class Wire { kFp32, kBf16 };

class SliceExchange {
 public:
  /// For up to `largest` values at a time over the ranks of `comm`, which must carry nothing else
  /// meanwhile. Made by all of them together. `name`: of the operation, a name in the code.
  SliceExchange(MPI_Comm comm, Wire wire, size_t largest, const WaitOptions& waits,
                const char* name);

  /// This rank's slice of `values`.
  std::span<float> slice(std::span<float> values) const;

  /// The slice becomes what all ranks' together are. requires: the same count and combine on every
  /// rank. errors, as handOut: Error naming the ranks that were waited for in vain.
  void collect(std::span<float> values, Combine combine);

  /// Every rank gets every rank's slice.
  void handOut(std::span<float> values);

 private:
  size_t begin(size_t count, int rank) const;
  /// action(peer, where its slice begins, its size, where its part of a buffer begins)
  template <class Action>
  void forOthers(size_t count, const Action& action) const;

  PeerMessages messages_;
  const char* name_;
  Wire wire_;
  MPI_Datatype type_;
  size_t largest_slice_ = 0;
  uint64_t calls_ = 0;
  AlignedBuffer<float> received_;  // [ranks, largest_slice]; this rank's own is unused
  AlignedBuffer<Bf16> packed_;     // [ranks, largest_slice]: what goes out
  AlignedBuffer<Bf16> unpacked_;   // [ranks, largest_slice]: what comes in
  std::vector<float*> parts_;      // by rank
};

}  // namespace sphereface
