// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "worker/all_reduce.h"

#include <algorithm>

namespace sphereface {
namespace {

constexpr const char* kName = "all-reduce";

void pack(const float* from, size_t count, Bf16* to) {
  for (size_t k = 0; k < count; ++k)
    storeFloat(to[k], from[k]);
}

void unpack(const Bf16* from, size_t count, float* to) {
  for (size_t k = 0; k < count; ++k)
    to[k] = toFloat(from[k]);
}

}  // namespace

AllReduce::AllReduce(MPI_Comm comm, Wire wire, size_t largest, std::chrono::seconds timeout)
    : messages_(comm, timeout), wire_(wire) {
  const auto ranks = static_cast<size_t>(messages_.ranks());
  if (ranks == 1) return;
  slice_ = (largest + ranks - 1) / ranks;
  received_ = AlignedBuffer<float>(ranks * slice_);
  if (wire == Wire::kBf16) {
    packed_ = AlignedBuffer<Bf16>(ranks * slice_);
    unpacked_ = AlignedBuffer<Bf16>(ranks * slice_);
  }
  for (size_t rank = 0; rank < ranks; ++rank)
    parts_.push_back(received_.data() + rank * slice_);
}

size_t AllReduce::sliceBegin(size_t count, int rank) const {
  return count * static_cast<size_t>(rank) / static_cast<size_t>(messages_.ranks());
}

void AllReduce::combineContributions(float* own, size_t count, Combine combine) {
  const auto rank = static_cast<size_t>(messages_.rank());
  parts_[rank] = own;
  combineInTree(parts_, rank, count, combine);
}

void AllReduce::operator()(std::span<float> values, Combine combine) {
  if (messages_.ranks() == 1) return;
  ++calls_;
  const size_t count = values.size();
  const size_t own_begin = sliceBegin(count, messages_.rank());
  const size_t own_count = sliceBegin(count, messages_.rank() + 1) - own_begin;
  float* own = values.data() + own_begin;
  const bool bf16 = wire_ == Wire::kBf16;
  const MPI_Datatype type = bf16 ? MPI_UINT16_T : MPI_FLOAT;
  auto for_others = [&](const auto& action) {
    messages_.forOthers([&](int peer) {
      const size_t begin = sliceBegin(count, peer);
      action(peer, begin, sliceBegin(count, peer + 1) - begin, static_cast<size_t>(peer) * slice_);
    });
  };

  for_others([&](int peer, size_t begin, size_t slice, size_t buffer) {
    void* into = bf16 ? static_cast<void*>(unpacked_.data() + buffer) : received_.data() + buffer;
    void* from = values.data() + begin;
    if (bf16) {
      pack(values.data() + begin, slice, packed_.data() + buffer);
      from = packed_.data() + buffer;
    }
    messages_.receive(peer, into, own_count, type);
    messages_.send(peer, from, slice, type);
  });
  messages_.wait(kName, calls_, "collecting");
  if (bf16) {
    for_others([&](int, size_t, size_t, size_t buffer) {
      unpack(unpacked_.data() + buffer, own_count, received_.data() + buffer);
    });
  }
  combineContributions(own, own_count, combine);

  void* result = own;
  if (bf16) {
    Bf16* packed = packed_.data() + static_cast<size_t>(messages_.rank()) * slice_;
    pack(own, own_count, packed);
    unpack(packed, own_count, own);
    result = packed;
  }
  for_others([&](int peer, size_t begin, size_t slice, size_t buffer) {
    void* into = bf16 ? static_cast<void*>(unpacked_.data() + buffer) : values.data() + begin;
    messages_.receive(peer, into, slice, type);
    messages_.send(peer, result, own_count, type);
  });
  messages_.wait(kName, calls_, "handing out");
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
