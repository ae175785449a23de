// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What the GPU's engine has of NCCL, between processes of one machine over a segment of shared
// memory. The sum is made in wait(), rank by rank.

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include "base/error.h"
#include "kernels/cuda/gpu_reduction.h"

namespace sphereface {
namespace {

constexpr size_t kFloats = size_t{8} << 20;
constexpr int kMostRanks = 8;

/// The segment begins with this; each rank's numbers follow.
struct Header {
  std::atomic<uint64_t> arrived[kMostRanks];
};

class HostReduction final : public DeviceReduction {
 public:
  explicit HostReduction(const DeviceGroup& group) : group_(group) {
    if (group.ranks > kMostRanks) throw Error("too many ranks for a reduction in the tests");
    const int file = ::shm_open(group.id.c_str(), O_RDWR | O_CREAT, 0600);
    if (file < 0 || ::ftruncate(file, static_cast<off_t>(bytes())) != 0) {
      throw Error("no shared memory for a reduction in the tests");
    }
    memory_ = ::mmap(nullptr, bytes(), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    ::close(file);
    if (memory_ == MAP_FAILED) throw Error("no shared memory for a reduction in the tests");
  }
  HostReduction(const HostReduction&) = delete;
  HostReduction& operator=(const HostReduction&) = delete;
  ~HostReduction() override {
    ::munmap(memory_, bytes());
    ::shm_unlink(group_.id.c_str());
  }

  void sum(std::span<float> range) override { ranges_.push_back(range); }

  void wait(std::chrono::seconds timeout) override {
    for (const std::span<float> range : ranges_) {
      if (range.size() > kFloats) throw Error("too many numbers for a reduction in the tests");
      std::copy(range.begin(), range.end(), numbersOf(group_.rank));
      meet(timeout);
      std::fill(range.begin(), range.end(), 0.0F);
      for (int rank = 0; rank < group_.ranks; ++rank) {
        for (size_t k = 0; k < range.size(); ++k)
          range[k] += numbersOf(rank)[k];
      }
      meet(timeout);
    }
    ranges_.clear();
  }

  double busySeconds() const override { return 0; }

 private:
  size_t bytes() const {
    return sizeof(Header) + static_cast<size_t>(group_.ranks) * kFloats * sizeof(float);
  }
  Header& header() { return *static_cast<Header*>(memory_); }
  float* numbersOf(int rank) {
    return reinterpret_cast<float*>(static_cast<char*>(memory_) + sizeof(Header)) +
           static_cast<size_t>(rank) * kFloats;
  }
  /// Until all ranks have come here as often.
  void meet(std::chrono::seconds timeout) {
    ++meetings_;
    header().arrived[group_.rank] = meetings_;
    const auto end = std::chrono::steady_clock::now() + timeout;
    for (int rank = 0; rank < group_.ranks; ++rank) {
      while (header().arrived[rank] < meetings_) {
        if (std::chrono::steady_clock::now() > end) throw Error("a rank is missing");
        std::this_thread::sleep_for(std::chrono::microseconds(50));
      }
    }
  }

  DeviceGroup group_;
  void* memory_ = nullptr;
  std::vector<std::span<float>> ranges_;
  uint64_t meetings_ = 0;
};

}  // namespace

std::string newGpuGroup() {
  static std::atomic<int> groups = 0;
  return concat("/sphereface-test-", ::getpid(), "-", groups++);
}

std::unique_ptr<DeviceReduction> joinGpuGroup(const GpuContext&, const DeviceGroup& group) {
  return std::make_unique<HostReduction>(group);
}

}  // namespace sphereface
