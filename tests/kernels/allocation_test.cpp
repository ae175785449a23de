// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// A training step allocates nothing of size: memory is planned when the engine is made. (oneDNN
// makes small objects of its own for every primitive it runs.)

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "kernels/engine.h"
#include "model/initialize.h"
#include "model/network_config.h"

namespace {

std::atomic<bool> counting{false};
std::atomic<int> large_allocations{0};
constexpr size_t kLarge = 4096;

void* allocate(size_t bytes, size_t alignment) {
  if (counting && bytes >= kLarge) ++large_allocations;
  void* memory = nullptr;
  if (posix_memalign(&memory, alignment, bytes) != 0) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(size_t bytes) {
  return allocate(bytes, alignof(std::max_align_t));
}
void* operator new(size_t bytes, std::align_val_t alignment) {
  return allocate(bytes, static_cast<size_t>(alignment));
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, size_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, size_t, std::align_val_t) noexcept {
  std::free(memory);
}

namespace sphereface {
namespace {

TEST(TrainingStep, AllocatesNothingOfSize) {
  NetworkConfig config;
  config.set_name("custom");
  config.add_stage()->set_channels(32);
  config.mutable_stage(0)->set_units(1);
  config.add_stage()->set_channels(48);
  EngineOptions options;
  options.network = buildNetwork(config);
  options.classes = 5000;
  options.batch = 8;
  options.threads = 2;
  const std::unique_ptr<Engine> engine = makeEngine(Device::kCpu, options);
  initializeTrunk(options.network, 1, engine->trunk().parameters);
  initializeHead(0, options.classes, options.network.embedding, 1, engine->head().parameters);
  const std::vector<uint8_t> images(options.network.imageBytes() * 8, 100);
  const std::vector<int32_t> labels = {0, 1, 2, 3, 4, 5, 6, 4999};
  auto step = [&] {
    engine->forwardBackward(images, labels, {4, 5}, 1.0F / 16, false);
    engine->forwardBackward(images, labels, {4, 5}, 1.0F / 16, true);
    engine->update({1e-3, 0.9, 5e-4});
  };
  step();  // libraries set themselves up
  large_allocations = 0;
  counting = true;
  step();
  counting = false;
  EXPECT_EQ(large_allocations, 0);
}

}  // namespace
}  // namespace sphereface
