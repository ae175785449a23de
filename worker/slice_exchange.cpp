// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "worker/slice_exchange.h"

namespace sphereface {
namespace {

void pack(const float* from, size_t count, Bf16* to) {
  for (size_t k = 0; k < count; ++k)
    storeFloat(to[k], from[k]);
}

void unpack(const Bf16* from, size_t count, float* to) {
  for (size_t k = 0; k < count; ++k)
    to[k] = toFloat(from[k]);
}

}  // namespace

SliceExchange::SliceExchange(MPI_Comm comm, Wire wire, size_t largest, const WaitOptions& waits,
                             const char* name)
    : messages_(comm, waits),
      name_(name),
      wire_(wire),
      type_(wire == Wire::kBf16 ? MPI_UINT16_T : MPI_FLOAT) {
  const auto ranks = static_cast<size_t>(messages_.ranks());
  if (ranks == 1) return;
  largest_slice_ = (largest + ranks - 1) / ranks;
  received_ = AlignedBuffer<float>(ranks * largest_slice_);
  if (wire == Wire::kBf16) {
    packed_ = AlignedBuffer<Bf16>(ranks * largest_slice_);
    unpacked_ = AlignedBuffer<Bf16>(ranks * largest_slice_);
  }
  for (size_t rank = 0; rank < ranks; ++rank)
    parts_.push_back(received_.data() + rank * largest_slice_);
}

size_t SliceExchange::begin(size_t count, int rank) const {
  return count * static_cast<size_t>(rank) / static_cast<size_t>(messages_.ranks());
}

std::span<float> SliceExchange::slice(std::span<float> values) const {
  const size_t first = begin(values.size(), messages_.rank());
  return values.subspan(first, begin(values.size(), messages_.rank() + 1) - first);
}

template <class Action>
void SliceExchange::forOthers(size_t count, const Action& action) const {
  messages_.forOthers([&](int peer) {
    const size_t first = begin(count, peer);
    action(peer, first, begin(count, peer + 1) - first, static_cast<size_t>(peer) * largest_slice_);
  });
}

void SliceExchange::collect(std::span<float> values, Combine combine) {
  if (messages_.ranks() == 1) return;
  ++calls_;
  const bool bf16 = wire_ == Wire::kBf16;
  const std::span<float> own = slice(values);
  forOthers(values.size(), [&](int peer, size_t first, size_t count, size_t buffer) {
    void* into = bf16 ? static_cast<void*>(unpacked_.data() + buffer) : received_.data() + buffer;
    const void* from = values.data() + first;
    if (bf16) {
      pack(values.data() + first, count, packed_.data() + buffer);
      from = packed_.data() + buffer;
    }
    messages_.receive(peer, into, own.size(), type_);
    messages_.send(peer, from, count, type_);
  });
  messages_.wait(name_, calls_, "collecting");
  if (bf16) {
    forOthers(values.size(), [&](int, size_t, size_t, size_t buffer) {
      unpack(unpacked_.data() + buffer, own.size(), received_.data() + buffer);
    });
  }
  const auto rank = static_cast<size_t>(messages_.rank());
  parts_[rank] = own.data();
  combineInTree(parts_, rank, own.size(), combine);
}

void SliceExchange::handOut(std::span<float> values) {
  if (messages_.ranks() == 1) return;
  const bool bf16 = wire_ == Wire::kBf16;
  const std::span<float> own = slice(values);
  const void* from = own.data();
  if (bf16) {
    Bf16* packed = packed_.data() + static_cast<size_t>(messages_.rank()) * largest_slice_;
    pack(own.data(), own.size(), packed);
    unpack(packed, own.size(), own.data());
    from = packed;
  }
  forOthers(values.size(), [&](int peer, size_t first, size_t count, size_t buffer) {
    void* into = bf16 ? static_cast<void*>(unpacked_.data() + buffer) : values.data() + first;
    messages_.receive(peer, into, count, type_);
    messages_.send(peer, from, own.size(), type_);
  });
  messages_.wait(name_, calls_, "handing out");
  if (bf16) {
    forOthers(values.size(), [&](int, size_t first, size_t count, size_t buffer) {
      unpack(unpacked_.data() + buffer, count, values.data() + first);
    });
  }
}

}  // namespace sphereface
