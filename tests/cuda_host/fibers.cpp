// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <cstdio>
#include <memory>
#include <numeric>
#include <random>
#include <vector>

#include "tests/cuda_host/cuda_runtime.h"
#include "tests/cuda_host/stack_switch.h"

namespace cuda_host {

Thread thread;

namespace {

constexpr size_t kStackBytes = size_t{64} << 10;
constexpr size_t kWarp = 32;

enum class State { kReady, kAtBlockBarrier, kInWarp, kDone };

/// Runs one thread of a block after the other, launch after launch.
struct Fiber {
  std::unique_ptr<char[]> stack = std::make_unique<char[]>(kStackBytes);
  Place place;
  Thread thread;
  State state = State::kReady;
  std::array<char, kLargestExchange> given = {};
};

struct Block {
  std::vector<std::unique_ptr<Fiber>> fibers;  // kept from launch to launch
  size_t threads = 0;
  size_t current = 0;
  Place scheduler;
  const std::function<void()>* body = nullptr;
  std::vector<char> shared;
  std::mt19937_64 order{0};
  bool permuted = false;
};

Block block;

[[noreturn]] void giveUp(const char* what) {
  std::fprintf(stderr, "kernel on the host: %s, block %u %u %u\n", what, thread.block.x,
               thread.block.y, thread.block.z);
  std::abort();
}

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
    if (block.permuted) std::shuffle(order.begin(), order.end(), block.order);
    bool ran = false;
    for (const size_t i : order) {
      if (block.fibers[i]->state != State::kReady) continue;
      resume(i);
      ran = true;
    }
    if (!release() && !ran) giveUp("some threads wait for others that have ended");
  }
}

}  // namespace

void setThreadOrder(uint64_t seed) {
  block.permuted = seed != 0;
  block.order.seed(seed);
}

void run(dim3 grid, dim3 size, size_t shared_bytes, const std::function<void()>& body) {
  block.threads = size_t{size.x} * size.y * size.z;
  while (block.fibers.size() < block.threads) {
    block.fibers.push_back(std::make_unique<Fiber>());
    Fiber& fiber = *block.fibers.back();
    prepare(fiber.place, fiber.stack.get(), kStackBytes, fiberMain);
  }
  block.body = &body;
  block.shared.assign(shared_bytes + kLargestExchange, '\xff');
  for (unsigned z = 0; z < grid.z; ++z) {
    for (unsigned y = 0; y < grid.y; ++y) {
      for (unsigned x = 0; x < grid.x; ++x)
        runBlock(grid, size, dim3(x, y, z));
    }
  }
}

void* dynamicSharedMemory() {
  const auto address = reinterpret_cast<uintptr_t>(block.shared.data());
  return block.shared.data() + (kLargestExchange - address % kLargestExchange) % kLargestExchange;
}

void blockBarrier() {
  yield(State::kAtBlockBarrier);
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
