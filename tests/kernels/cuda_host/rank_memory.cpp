// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "tests/kernels/cuda_host/rank_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "base/error.h"
#include "kernels/cuda/cuda_engine.h"

namespace sphereface {
namespace {

constexpr int kMostRanks = 8;

/// The segment begins with this; each rank's numbers follow.
struct Header {
  std::atomic<uint64_t> arrived[kMostRanks];
};

}  // namespace

RankMemory::RankMemory(const DeviceGroup& group) : group_(group) {
  if (group.ranks > kMostRanks) throw Error("too many ranks for a group in the tests");
  const int file = ::shm_open(group.id.c_str(), O_RDWR | O_CREAT, 0600);
  if (file < 0 || ::ftruncate(file, static_cast<off_t>(bytes())) != 0) {
    throw Error("no shared memory for a group in the tests");
  }
  memory_ = ::mmap(nullptr, bytes(), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  ::close(file);
  if (memory_ == MAP_FAILED) throw Error("no shared memory for a group in the tests");
}

RankMemory::~RankMemory() {
  ::munmap(memory_, bytes());
  ::shm_unlink(group_.id.c_str());
}

size_t RankMemory::bytes() const {
  return sizeof(Header) + static_cast<size_t>(group_.ranks) * kNumbers * sizeof(float);
}

float* RankMemory::of(int rank) const {
  return reinterpret_cast<float*>(static_cast<char*>(memory_) + sizeof(Header)) +
         static_cast<size_t>(rank) * kNumbers;
}

void RankMemory::meet(std::chrono::seconds timeout) {
  auto& arrived = static_cast<Header*>(memory_)->arrived;
  arrived[group_.rank] = ++meetings_;
  const auto end = std::chrono::steady_clock::now() + timeout;
  for (int rank = 0; rank < group_.ranks; ++rank) {
    while (arrived[rank] < meetings_) {
      if (std::chrono::steady_clock::now() > end) throw Error("a rank is missing");
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
  }
}

std::string newGpuGroup() {
  static std::atomic<int> groups = 0;
  return concat("/sphereface-test-", ::getpid(), "-", groups++);
}

}  // namespace sphereface
