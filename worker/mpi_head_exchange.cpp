// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "worker/mpi_head_exchange.h"

#include <algorithm>
#include <utility>

namespace sphereface {
namespace {

constexpr const char* kName = "head exchange";

}  // namespace

MpiHeadExchange::MpiHeadExchange(MPI_Comm comm, std::vector<int> first_image, int dim,
                                 const WaitOptions& waits)
    : messages_(comm, waits),
      first_image_(std::move(first_image)),
      reduce_({comm}, Wire::kFp32, 2 * static_cast<size_t>(images()), waits, "head's all-reduce") {
  const auto ranks = static_cast<size_t>(messages_.ranks());
  const size_t part = static_cast<size_t>(imagesOf(messages_.rank())) * static_cast<size_t>(dim);
  received_ = AlignedBuffer<float>(ranks * part);
  for (size_t rank = 0; rank < ranks; ++rank)
    parts_.push_back(received_.data() + rank * part);
}

int MpiHeadExchange::imagesOf(int rank) const {
  return first_image_[static_cast<size_t>(rank) + 1] - first_image_[static_cast<size_t>(rank)];
}

size_t MpiHeadExchange::offsetOf(int rank, size_t width) const {
  return static_cast<size_t>(first_image_[static_cast<size_t>(rank)]) * width;
}

template <class T>
void MpiHeadExchange::gatherOf(MPI_Datatype type, std::span<const T> own, std::span<T> all) {
  ++calls_;
  const size_t width = all.size() / static_cast<size_t>(images());
  messages_.forOthers([&](int peer) {
    messages_.receive(peer, all.data() + offsetOf(peer, width),
                      static_cast<size_t>(imagesOf(peer)) * width, type);
    messages_.send(peer, own.data(), own.size(), type);
  });
  std::ranges::copy(own, all.begin() + static_cast<ptrdiff_t>(offsetOf(messages_.rank(), width)));
  messages_.wait(kName, calls_, "gathering");
}

void MpiHeadExchange::gather(std::span<const float> own, std::span<float> all) {
  gatherOf(MPI_FLOAT, own, all);
}

void MpiHeadExchange::gather(std::span<const int32_t> own, std::span<int32_t> all) {
  gatherOf(MPI_INT32_T, own, all);
}

void MpiHeadExchange::scatterSum(std::span<float> all, std::span<float> own) {
  ++calls_;
  const size_t width = all.size() / static_cast<size_t>(images());
  messages_.forOthers([&](int peer) {
    messages_.receive(peer, received_.data() + static_cast<size_t>(peer) * own.size(), own.size(),
                      MPI_FLOAT);
    messages_.send(peer, all.data() + offsetOf(peer, width),
                   static_cast<size_t>(imagesOf(peer)) * width, MPI_FLOAT);
  });
  messages_.wait(kName, calls_, "adding gradients");
  const auto rank = static_cast<size_t>(messages_.rank());
  std::copy_n(all.data() + offsetOf(messages_.rank(), width), own.size(), own.data());
  parts_[rank] = own.data();
  combineInTree(parts_, rank, own.size(), Combine::kSum);
}

}  // namespace sphereface
