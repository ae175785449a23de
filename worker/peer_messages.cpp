// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "worker/peer_messages.h"

#include <algorithm>
#include <array>
#include <set>
#include <thread>

#include "base/clock.h"

namespace sphereface {
namespace {

constexpr std::chrono::microseconds kShortestSleep{20};
constexpr std::chrono::microseconds kLongestSleep{500};
constexpr std::chrono::milliseconds kAwake{2};
// Put together at a time, so that the partial results stay in cache.
constexpr size_t kBlock = 2048;

void add(float* to, const float* from, size_t count) {
  for (size_t k = 0; k < count; ++k)
    to[k] += from[k];
}

void raise(float* to, const float* from, size_t count) {
  for (size_t k = 0; k < count; ++k)
    to[k] = from[k] <= to[k] ? to[k] : (to[k] != to[k] ? to[k] : from[k]);
}

/// "rank 3@node2" by world rank.
std::vector<std::string> namesOfRanks(MPI_Comm comm, int ranks) {
  struct Place {
    int world_rank = 0;
    std::array<char, MPI_MAX_PROCESSOR_NAME> host{};
  };
  Place own;
  int length = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &own.world_rank);
  MPI_Get_processor_name(own.host.data(), &length);
  std::vector<Place> places(static_cast<size_t>(ranks));
  MPI_Allgather(&own, sizeof(Place), MPI_BYTE, places.data(), sizeof(Place), MPI_BYTE, comm);
  std::vector<std::string> names;
  names.reserve(places.size());
  for (const Place& place : places)
    names.push_back(concat("rank ", place.world_rank, "@", place.host.data()));
  return names;
}

}  // namespace

PeerMessages::PeerMessages(MPI_Comm comm, const WaitOptions& options)
    : comm_(comm), options_(options) {
  MPI_Comm_rank(comm, &rank_);
  MPI_Comm_size(comm, &ranks_);
  names_ = namesOfRanks(comm, ranks_);
  requests_.reserve(2 * static_cast<size_t>(ranks_));
  peers_.reserve(requests_.capacity());
}

void PeerMessages::send(int peer, const void* data, size_t count, MPI_Datatype type) {
  peers_.push_back(peer);
  MPI_Isend(data, static_cast<int>(count), type, peer, 0, comm_,
            &requests_.emplace_back(MPI_REQUEST_NULL));
}

void PeerMessages::receive(int peer, void* data, size_t count, MPI_Datatype type) {
  peers_.push_back(peer);
  MPI_Irecv(data, static_cast<int>(count), type, peer, 0, comm_,
            &requests_.emplace_back(MPI_REQUEST_NULL));
}

void PeerMessages::wait(const char* operation, uint64_t number, const char* phase) {
  if (options_.last != nullptr) options_.last->begin(operation, number, phase);
  const auto start = std::chrono::steady_clock::now();
  Patience patience(options_.timeout);
  std::chrono::microseconds sleep = kShortestSleep;
  while (true) {
    int done = 0;
    MPI_Testall(static_cast<int>(requests_.size()), requests_.data(), &done, MPI_STATUSES_IGNORE);
    if (done != 0) break;
    if (options_.waiting == Waiting::kAwake && std::chrono::steady_clock::now() - start < kAwake) {
      std::this_thread::yield();
      continue;
    }
    if (patience.over()) {
      std::set<int> absent;
      for (size_t i = 0; i < requests_.size(); ++i) {
        MPI_Test(&requests_[i], &done, MPI_STATUS_IGNORE);
        if (done == 0) absent.insert(peers_[i]);
      }
      std::string names;
      for (const int peer : absent)
        names += (names.empty() ? "" : ", ") + names_[static_cast<size_t>(peer)];
      const Error error(concat(operation, " ", number, ", ", phase, ": waited ",
                               options_.timeout.count(), " s in vain for ", names));
      if (options_.give_up) options_.give_up(error);
      throw error;
    }
    std::this_thread::sleep_for(sleep);
    sleep = std::min(2 * sleep, kLongestSleep);
  }
  requests_.clear();
  peers_.clear();
}

void combineInTree(std::span<float* const> parts, size_t own, size_t count, Combine combine) {
  const auto put_together = combine == Combine::kSum ? add : raise;
  for (size_t begin = 0; begin < count; begin += kBlock) {
    const size_t block = std::min(kBlock, count - begin);
    for (size_t stride = 1; stride < parts.size(); stride *= 2) {
      for (size_t rank = 0; rank + stride < parts.size(); rank += 2 * stride)
        put_together(parts[rank] + begin, parts[rank + stride] + begin, block);
    }
    if (own != 0) std::copy_n(parts[0] + begin, block, parts[own] + begin);
  }
}

}  // namespace sphereface
