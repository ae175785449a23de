// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/mpi_rank_group.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace sphereface {
namespace {

constexpr size_t kMostValues = 1 << 24;  // of one message: MPI counts in int
constexpr size_t kMostBytes = 1 << 30;
constexpr int kTag = 1;

}  // namespace

MpiRankGroup::MpiRankGroup(MPI_Comm ranks) : ranks_(ranks) {
  MPI_Comm_rank(ranks_, &rank_);
  MPI_Comm_size(ranks_, &size_);
  MPI_Comm host = MPI_COMM_NULL;
  MPI_Comm_split_type(ranks_, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &host);
  MPI_Comm_size(host, &on_host_);
  MPI_Comm_rank(host, &place_on_host_);
  MPI_Comm_free(&host);
}

void MpiRankGroup::sum(std::span<uint64_t> values) {
  while (!values.empty()) {
    const size_t count = std::min(kMostValues, values.size());
    const bool first = isFirst();
    MPI_Reduce(first ? MPI_IN_PLACE : values.data(), first ? values.data() : nullptr,
               static_cast<int>(count), MPI_UINT64_T, MPI_SUM, 0, ranks_);
    values = values.subspan(count);
  }
}

std::vector<std::string> MpiRankGroup::gather(std::string bytes) {
  const uint64_t size = bytes.size();
  std::vector<uint64_t> sizes(this->size());
  MPI_Gather(&size, 1, MPI_UINT64_T, sizes.data(), 1, MPI_UINT64_T, 0, ranks_);
  // Messages between two ranks arrive in the order they were sent in.
  const auto pieces = [](std::string& text, const auto& transfer) {
    for (size_t begin = 0; begin < text.size(); begin += kMostBytes)
      transfer(text.data() + begin, static_cast<int>(std::min(kMostBytes, text.size() - begin)));
  };
  if (!isFirst()) {
    pieces(bytes,
           [&](char* piece, int count) { MPI_Send(piece, count, MPI_BYTE, 0, kTag, ranks_); });
    return {};
  }
  std::vector<std::string> all;
  all.push_back(std::move(bytes));
  for (int from = 1; from < size_; ++from) {
    all.emplace_back(sizes[static_cast<size_t>(from)], '\0');
    pieces(all.back(), [&](char* piece, int count) {
      MPI_Recv(piece, count, MPI_BYTE, from, kTag, ranks_, MPI_STATUS_IGNORE);
    });
  }
  return all;
}

}  // namespace sphereface
