// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "worker/all_reduce.h"

#include <algorithm>
#include <array>
#include <set>
#include <thread>

#include "base/error.h"
#include "base/progress.h"

namespace sphereface {
namespace {

constexpr std::chrono::microseconds kShortestSleep{20};
constexpr std::chrono::microseconds kLongestSleep{500};
// Added up at a time, so that the partial sums stay in cache.
constexpr size_t kBlock = 2048;

void addTo(float* to, const float* from, size_t count) {
  for (size_t k = 0; k < count; ++k)
    to[k] += from[k];
}

void pack(const float* from, size_t count, Bf16* to) {
  for (size_t k = 0; k < count; ++k)
    storeFloat(to[k], from[k]);
}

void unpack(const Bf16* from, size_t count, float* to) {
  for (size_t k = 0; k < count; ++k)
    to[k] = toFloat(from[k]);
}

/// "rank 3@node2" by world rank, which counts the coordinator too.
std::vector<std::string> namesOfRanks(MPI_Comm comm, int ranks) {
  using HostName = std::array<char, MPI_MAX_PROCESSOR_NAME>;
  HostName host{};
  int length = 0;
  MPI_Get_processor_name(host.data(), &length);
  std::vector<HostName> hosts(static_cast<size_t>(ranks));
  MPI_Allgather(host.data(), MPI_MAX_PROCESSOR_NAME, MPI_CHAR, hosts.data(), MPI_MAX_PROCESSOR_NAME,
                MPI_CHAR, comm);
  std::vector<std::string> names;
  names.reserve(hosts.size());
  for (const HostName& name : hosts)
    names.push_back(concat("rank ", names.size() + 1, "@", name.data()));
  return names;
}

}  // namespace

AllReduce::AllReduce(MPI_Comm comm, Wire wire, size_t largest, std::chrono::seconds timeout)
    : comm_(comm), wire_(wire), timeout_(timeout) {
  MPI_Comm_rank(comm, &rank_);
  MPI_Comm_size(comm, &ranks_);
  const auto ranks = static_cast<size_t>(ranks_);
  if (ranks == 1) return;
  names_ = namesOfRanks(comm, ranks_);
  slice_ = (largest + ranks - 1) / ranks;
  received_ = AlignedBuffer<float>(ranks * slice_);
  if (wire == Wire::kBf16) {
    packed_ = AlignedBuffer<Bf16>(ranks * slice_);
    unpacked_ = AlignedBuffer<Bf16>(ranks * slice_);
  }
  requests_.reserve(2 * ranks);
  peers_.reserve(2 * ranks);
}

size_t AllReduce::sliceBegin(size_t count, int rank) const {
  return count * static_cast<size_t>(rank) / static_cast<size_t>(ranks_);
}

void AllReduce::post(bool send, int peer, void* data, size_t count) {
  const MPI_Datatype type = wire_ == Wire::kFp32 ? MPI_FLOAT : MPI_UINT16_T;
  MPI_Request& request = requests_.emplace_back(MPI_REQUEST_NULL);
  peers_.push_back(peer);
  if (send) {
    MPI_Isend(data, static_cast<int>(count), type, peer, 0, comm_, &request);
  } else {
    MPI_Irecv(data, static_cast<int>(count), type, peer, 0, comm_, &request);
  }
}

void AllReduce::wait(const char* phase) {
  const auto deadline = std::chrono::steady_clock::now() + timeout_;
  std::chrono::microseconds sleep = kShortestSleep;
  while (true) {
    int done = 0;
    MPI_Testall(static_cast<int>(requests_.size()), requests_.data(), &done, MPI_STATUSES_IGNORE);
    if (done != 0) break;
    if (std::chrono::steady_clock::now() > deadline) {
      std::set<int> absent;
      for (size_t i = 0; i < requests_.size(); ++i) {
        MPI_Test(&requests_[i], &done, MPI_STATUS_IGNORE);
        if (done == 0) absent.insert(peers_[i]);
      }
      std::string names;
      for (const int peer : absent)
        names += (names.empty() ? "" : ", ") + names_[static_cast<size_t>(peer)];
      throw Error(concat("all-reduce ", calls_, ", ", phase, ": waited ", timeout_.count(),
                         " s in vain for ", names));
    }
    std::this_thread::sleep_for(sleep);
    sleep = std::min(2 * sleep, kLongestSleep);
  }
  requests_.clear();
  peers_.clear();
}

/// The tree's sum of own and received contributions, in `own`.
void AllReduce::addContributions(float* own, size_t count) {
  const auto ranks = static_cast<size_t>(ranks_);
  for (size_t begin = 0; begin < count; begin += kBlock) {
    const size_t block = std::min(kBlock, count - begin);
    auto part = [&](size_t rank) {
      return (rank == static_cast<size_t>(rank_) ? own : received_.data() + rank * slice_) + begin;
    };
    for (size_t stride = 1; stride < ranks; stride *= 2) {
      for (size_t rank = 0; rank + stride < ranks; rank += 2 * stride)
        addTo(part(rank), part(rank + stride), block);
    }
    if (rank_ != 0) std::copy_n(part(0), block, own + begin);
  }
}

void AllReduce::operator()(std::span<float> values) {
  if (ranks_ == 1) return;
  ++calls_;
  const size_t count = values.size();
  const size_t own_begin = sliceBegin(count, rank_);
  const size_t own_count = sliceBegin(count, rank_ + 1) - own_begin;
  float* own = values.data() + own_begin;
  const bool bf16 = wire_ == Wire::kBf16;
  auto for_others = [&](const auto& action) {
    // Each rank begins with its successor, so that not all send to the same one first.
    for (int i = 1; i < ranks_; ++i) {
      const int peer = (rank_ + i) % ranks_;
      const size_t begin = sliceBegin(count, peer);
      action(peer, begin, sliceBegin(count, peer + 1) - begin, static_cast<size_t>(peer) * slice_);
    }
  };

  for_others([&](int peer, size_t begin, size_t slice, size_t buffer) {
    void* into = bf16 ? static_cast<void*>(unpacked_.data() + buffer) : received_.data() + buffer;
    void* from = values.data() + begin;
    if (bf16) {
      pack(values.data() + begin, slice, packed_.data() + buffer);
      from = packed_.data() + buffer;
    }
    post(false, peer, into, own_count);
    post(true, peer, from, slice);
  });
  wait("collecting");
  if (bf16) {
    for_others([&](int, size_t, size_t, size_t buffer) {
      unpack(unpacked_.data() + buffer, own_count, received_.data() + buffer);
    });
  }
  addContributions(own, own_count);

  void* sum = own;
  if (bf16) {
    Bf16* packed = packed_.data() + static_cast<size_t>(rank_) * slice_;
    pack(own, own_count, packed);
    unpack(packed, own_count, own);
    sum = packed;
  }
  for_others([&](int peer, size_t begin, size_t slice, size_t buffer) {
    void* into = bf16 ? static_cast<void*>(unpacked_.data() + buffer) : values.data() + begin;
    post(false, peer, into, slice);
    post(true, peer, sum, own_count);
  });
  wait("handing out");
  if (bf16) {
    for_others([&](int, size_t begin, size_t slice, size_t buffer) {
      unpack(unpacked_.data() + buffer, slice, values.data() + begin);
    });
  }
}

void broadcast(MPI_Comm comm, std::string& text) {
  auto size = static_cast<uint64_t>(text.size());
  MPI_Bcast(&size, 1, MPI_UINT64_T, 0, comm);
  text.resize(size);
  MPI_Bcast(text.data(), static_cast<int>(size), MPI_CHAR, 0, comm);
}

}  // namespace sphereface
