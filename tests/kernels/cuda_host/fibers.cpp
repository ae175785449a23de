// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <cstdio>
#include <memory>
#include <numeric>
#include <random>
#include <utility>
#include <vector>

#include "tests/kernels/cuda_host/cluster.h"
#include "tests/kernels/cuda_host/cuda_runtime.h"
#include "tests/kernels/cuda_host/stack_switch.h"

namespace cuda_host {

constinit thread_local Thread thread;

namespace {

constexpr size_t kStackBytes = size_t{64} << 10;
constexpr size_t kWarp = 32;
constexpr char kUnwritten = '\xff';

enum class State { kReady, kAtBlockBarrier, kAtClusterBarrier, kInWarp, kDone };

struct Copy {
  void* to = nullptr;
  const void* from = nullptr;
  size_t bytes = 0;
};

/// Runs one thread of a block after the other, launch after launch.
struct Fiber {
  std::unique_ptr<char[]> stack = std::make_unique_for_overwrite<char[]>(kStackBytes);
  Place place;
  Thread thread;
  State state = State::kReady;
  std::array<char, kLargestExchange> given = {};
  std::vector<Copy> copies;
  bool arrived = false;  // at the cluster's barrier
};

/// What a launch asked for, of each block of a cluster.
using SharedMemory = std::vector<std::vector<char>>;

struct Block {
  std::vector<std::unique_ptr<Fiber>> fibers;  // kept from launch to launch
  size_t threads = 0;
  size_t current = 0;
  Place scheduler;
  const std::function<void()>* body = nullptr;
  Cluster* cluster = nullptr;
  SharedMemory* shared = nullptr;  // the cluster's
  size_t index = 0;                // in the cluster
  size_t arrived = 0;              // threads, at its barrier
};

thread_local Block block;

std::mt19937_64 random_order{0};
bool permuted = false;

/// Leaves the fiber until the scheduler finds it ready again.
void yield(State state) {
  Fiber& fiber = *block.fibers[block.current];
  fiber.state = state;
  leave(fiber.place, block.scheduler);
}

void fiberMain() {
  arrive(block.fibers[block.current]->place, block.scheduler);
  while (true) {
    (*block.body)();
    const Fiber& fiber = *block.fibers[block.current];
    if (!fiber.copies.empty()) giveUp("a thread left its copies on their way");
    if (fiber.arrived) giveUp("a thread arrived at its cluster's barrier and didn't wait");
    yield(State::kDone);
  }
}

void resume(size_t index) {
  block.current = index;
  Fiber& fiber = *block.fibers[index];
  thread = fiber.thread;
  leave(block.scheduler, fiber.place);
}

size_t countOf(State state, size_t begin, size_t end) {
  size_t count = 0;
  for (size_t i = begin; i < end; ++i)
    count += block.fibers[i]->state == state ? 1 : 0;
  return count;
}

void setReady(size_t begin, size_t end) {
  for (size_t i = begin; i < end; ++i)
    block.fibers[i]->state = State::kReady;
}

/// Lets go on whoever has all it waits for. Answers whether anyone does.
bool release() {
  if (countOf(State::kAtBlockBarrier, 0, block.threads) == block.threads) {
    setReady(0, block.threads);
    return true;
  }
  if (countOf(State::kAtClusterBarrier, 0, block.threads) == block.threads) {
    if (block.cluster != nullptr) block.cluster->wait(block.index);
    setReady(0, block.threads);
    return true;
  }
  bool any = false;
  for (size_t warp = 0; warp < block.threads; warp += kWarp) {
    const size_t end = std::min(warp + kWarp, block.threads);
    if (countOf(State::kInWarp, warp, end) != end - warp) continue;
    if (end - warp < kWarp) giveUp("a shuffle in a warp of fewer than 32 threads");
    setReady(warp, end);
    any = true;
  }
  return any;
}

void runBlock(dim3 grid, dim3 size, dim3 index) {
  std::vector<size_t> order(block.threads);
  std::iota(order.begin(), order.end(), size_t{0});
  for (size_t i = 0; i < block.threads; ++i) {
    const auto flat = static_cast<unsigned>(i);
    block.fibers[i]->thread = {
        dim3(flat % size.x, flat / size.x % size.y, flat / (size.x * size.y)), index, size, grid};
    block.fibers[i]->state = State::kReady;
  }
  while (countOf(State::kDone, 0, block.threads) < block.threads) {
    if (permuted) std::shuffle(order.begin(), order.end(), random_order);
    bool ran = false;
    for (const size_t i : order) {
      if (block.fibers[i]->state != State::kReady) continue;
      resume(i);
      ran = true;
    }
    if (!release() && !ran) giveUp("some threads wait for others that have ended");
  }
}

/// The blocks that this thread of the host has next.
void makeBlock(size_t threads, const std::function<void()>& body, SharedMemory& shared,
               Cluster* cluster, size_t index) {
  block.threads = threads;
  while (block.fibers.size() < threads) {
    block.fibers.push_back(std::make_unique<Fiber>());
    Fiber& fiber = *block.fibers.back();
    prepare(fiber.place, fiber.stack.get(), kStackBytes, fiberMain);
  }
  block.body = &body;
  block.shared = &shared;
  block.cluster = cluster;
  block.index = index;
}

char* sharedOf(size_t index) {
  char* const memory = block.shared->at(index).data();
  const auto address = reinterpret_cast<uintptr_t>(memory);
  return memory + (kLargestExchange - address % kLargestExchange) % kLargestExchange;
}

}  // namespace

void giveUp(const char* what) {
  std::fprintf(stderr, "kernel on the host: %s, block %u %u %u\n", what, thread.block.x,
               thread.block.y, thread.block.z);
  std::abort();
}

void setThreadOrder(uint64_t seed) {
  permuted = seed != 0;
  random_order.seed(seed);
}

void run(dim3 grid, dim3 size, unsigned cluster, size_t shared_bytes,
         const std::function<void()>& body) {
  const size_t threads = size_t{size.x} * size.y * size.z;
  const std::vector<char> unwritten(shared_bytes + kLargestExchange, kUnwritten);
  SharedMemory shared(cluster, unwritten);
  auto run_cluster = [&](unsigned first, unsigned y, unsigned z) {
    Cluster blocks(cluster, permuted ? random_order() : 0);
    blocks.run([&](size_t index) {
      makeBlock(threads, body, shared, &blocks, index);
      runBlock(grid, size, dim3(first + static_cast<unsigned>(index), y, z));
      // Nobody may read it any more.
      shared[index] = unwritten;
    });
  };
  if (cluster == 1) makeBlock(threads, body, shared, nullptr, 0);
  for (unsigned z = 0; z < grid.z; ++z) {
    for (unsigned y = 0; y < grid.y; ++y) {
      for (unsigned x = 0; x < grid.x; x += cluster) {
        if (cluster == 1) {
          runBlock(grid, size, dim3(x, y, z));
        } else {
          run_cluster(x, y, z);
        }
      }
    }
  }
  block.shared = nullptr;
}

void* dynamicSharedMemory() {
  return sharedOf(block.index);
}

void blockBarrier() {
  yield(State::kAtBlockBarrier);
}

void arriveAtCluster() {
  bool& arrived = block.fibers[block.current]->arrived;
  if (std::exchange(arrived, true))
    giveUp("a thread arrives twice before it waits for its cluster");
  if (++block.arrived == block.threads) {
    block.arrived = 0;
    if (block.cluster != nullptr) block.cluster->arrive(block.index);
  }
  // What comes after needn't be done before others arrive and go on.
  yield(State::kReady);
}

void waitForCluster() {
  bool& arrived = block.fibers[block.current]->arrived;
  if (!std::exchange(arrived, false))
    giveUp("a thread waits for its cluster without having arrived");
  yield(State::kAtClusterBarrier);
}

void* sharedMemoryOf(const void* own, unsigned other) {
  const ptrdiff_t at = static_cast<const char*>(own) - sharedOf(block.index);
  if (at < 0 || at >= static_cast<ptrdiff_t>(block.shared->at(block.index).size())) {
    giveUp("what another block is asked for is not in the launch's shared memory");
  }
  return sharedOf(other) + at;
}

void copyLater(void* to, const void* from, size_t bytes) {
  block.fibers[block.current]->copies.push_back({to, from, bytes});
}

void finishCopies() {
  for (const Copy& copy : std::exchange(block.fibers[block.current]->copies, {}))
    std::memcpy(copy.to, copy.from, copy.bytes);
}

void exchangeInWarp(void* value, size_t size, unsigned lane_mask) {
  const size_t own = block.current;
  std::memcpy(block.fibers[own]->given.data(), value, size);
  yield(State::kInWarp);
  const size_t other = own / kWarp * kWarp + ((own % kWarp) ^ lane_mask);
  std::memcpy(value, block.fibers[other]->given.data(), size);
  // Nobody gives again before all have taken.
  yield(State::kInWarp);
}

}  // namespace cuda_host
