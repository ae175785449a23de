// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "tests/kernels/cuda_host/cluster.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <thread>

#include "tests/kernels/cuda_host/cuda_runtime.h"

namespace cuda_host {
namespace {

constexpr size_t kNobody = std::numeric_limits<size_t>::max();

}  // namespace

Cluster::Cluster(size_t blocks, uint64_t seed)
    : blocks_(blocks), order_(blocks), random_(seed), permuted_(seed != 0) {
  std::iota(order_.begin(), order_.end(), size_t{0});
  if (permuted_) std::shuffle(order_.begin(), order_.end(), random_);
  turn_ = order_.front();
}

void Cluster::run(const std::function<void(size_t)>& body) {
  std::vector<std::thread> threads;
  for (size_t block = 0; block < blocks_.size(); ++block)
    threads.emplace_back([this, block, &body] { runBlock(block, body); });
  for (std::thread& each : threads)
    each.join();
}

void Cluster::runBlock(size_t block, const std::function<void(size_t)>& body) {
  {
    std::unique_lock lock(mutex_);
    awaitTurn(block, lock);
  }
  body(block);
  const std::lock_guard lock(mutex_);
  blocks_[block].ended = true;
  passTurn(kNobody);
}

void Cluster::arrive(size_t block) {
  std::unique_lock lock(mutex_);
  ++blocks_[block].arrivals;
  passTurn(block);
  awaitTurn(block, lock);
}

void Cluster::wait(size_t block) {
  std::unique_lock lock(mutex_);
  blocks_[block].waiting = true;
  passTurn(kNobody);
  awaitTurn(block, lock);
  blocks_[block].waiting = false;
}

bool Cluster::canRun(size_t block) const {
  const Block& asked = blocks_[block];
  if (asked.ended) return false;
  return !asked.waiting || std::ranges::all_of(blocks_, [&](const Block& other) {
    return other.arrivals >= asked.arrivals;
  });
}

void Cluster::passTurn(size_t last) {
  if (std::ranges::all_of(blocks_, &Block::ended)) return;
  if (permuted_) std::shuffle(order_.begin(), order_.end(), random_);
  const auto next =
      std::ranges::find_if(order_, [&](size_t block) { return block != last && canRun(block); });
  if (next != order_.end()) {
    turn_ = *next;
  } else if (last == kNobody) {
    giveUp("some blocks of a cluster wait for others that have ended");
  }
  changed_.notify_all();
}

void Cluster::awaitTurn(size_t block, std::unique_lock<std::mutex>& lock) {
  changed_.wait(lock, [&] { return turn_ == block; });
}

}  // namespace cuda_host
