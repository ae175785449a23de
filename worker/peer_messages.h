// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Messages between the ranks of a communicator that are posted and then waited for together. MPI's
// own collectives promise no end: a rank that never comes would be waited for without a name. Here
// a wait is polled and has a deadline.

#pragma once

#include <mpi.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "worker/last_collective.h"

namespace sphereface {

/// How to wait: asleep, beside a computation that needs the core; or awake for a while first, when
/// there is nothing else to do.
enum class Waiting { kAsleep, kAwake };

struct WaitOptions {
  std::chrono::seconds timeout{300};
  Waiting waiting = Waiting::kAsleep;
  LastCollective* last = nullptr;  // is told of every operation, if there is one
  /// Called before the error of a timeout is thrown. Whoever hasn't come yet may come after all and
  /// write into memory that the error's way up frees: a program that isn't ended here must keep
  /// all memory of the operation.
  std::function<void(const Error&)> give_up = {};
};

class PeerMessages {
 public:
  /// `comm` must carry nothing else between a post and its wait. Made by all its ranks together.
  PeerMessages(MPI_Comm comm, const WaitOptions& options);

  int rank() const { return rank_; }
  int ranks() const { return ranks_; }

  /// Data must stay in place until wait().
  void send(int peer, const void* data, size_t count, MPI_Datatype type);
  void receive(int peer, void* data, size_t count, MPI_Datatype type);

  /// Until everything posted is done. The arguments name the operation in an error.
  /// errors: Error naming the ranks that were waited for in vain, and their hosts.
  void wait(const char* operation, uint64_t number, const char* phase);

  /// action(peer) for each other rank. Each begins with its successor, so that not all send to the
  /// same one first.
  template <class Action>
  void forOthers(const Action& action) const {
    for (int i = 1; i < ranks_; ++i)
      action((rank_ + i) % ranks_);
  }

 private:
  MPI_Comm comm_;
  WaitOptions options_;
  int rank_ = 0;
  int ranks_ = 1;
  std::vector<std::string> names_;  // of the ranks, for messages
  std::vector<MPI_Request> requests_;
  std::vector<int> peers_;
};

/// How contributions of ranks are put together.
enum class Combine {
  kSum,
  kMaximum,  // NaN if one is NaN
};

/// parts[own] becomes what all parts together are, `count` values each, put together in the order
/// of a fixed binary tree over the ranks, ((0+1)+(2+3))+..., so that the result has the same bits
/// however messages arrive. The other parts are used up.
void combineInTree(std::span<float* const> parts, size_t own, size_t count, Combine combine);

}  // namespace sphereface
