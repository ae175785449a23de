// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The sum (or maximum) of all ranks' values, on every rank, put together in the order of a fixed
// binary tree over the ranks, ((0+1)+(2+3))+..., so that it has the same bits however messages
// arrive, and a sum those of a tree over more, smaller parts (kernels/shard_tree.h).
//
// Over several hosts with the same number of ranks it goes in two levels: within each host every
// rank collects a slice; the ranks of all hosts that have the same slice reduce it over the
// network; within each host the slices are handed out. A slice then crosses the network once for
// each host instead of once for each rank. With a power of two of ranks on a host the order of the
// additions is the same.

#pragma once

#include <mpi.h>

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "worker/slice_exchange.h"

namespace sphereface {

class AllReduce {
 public:
  /// For up to `largest` values at a time. `levels`: one communicator of all ranks, or of the ranks
  /// of this host and then of those with the same place on every host; they must carry nothing else
  /// meanwhile. `wire` is what travels on the last level, fp32 on one before. `name`: in
  /// messages to the user, a name in the code. Made by all ranks together.
  AllReduce(const std::vector<MPI_Comm>& levels, Wire wire, size_t largest,
            const WaitOptions& waits, const char* name = "all-reduce");

  /// requires: every rank calls with the same count and combine, in the same order.
  /// ensures: the same bits on every rank.
  /// cost: 2 (n-1)/n of the bytes each way for each level of n ranks, of which the second has only
  /// a slice.
  /// errors: Error naming the ranks that were waited for in vain, and their hosts.
  void operator()(std::span<float> values, Combine combine = Combine::kSum) {
    reduce(0, values, combine);
  }

 private:
  void reduce(size_t level, std::span<float> values, Combine combine);

  std::vector<SliceExchange> levels_;
};

/// The first rank's text, on every rank of `comm`.
void broadcast(MPI_Comm comm, std::string& text);

}  // namespace sphereface
