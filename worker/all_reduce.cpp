// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "worker/all_reduce.h"

namespace sphereface {

AllReduce::AllReduce(const std::vector<MPI_Comm>& levels, Wire wire, size_t largest,
                     const WaitOptions& waits, const char* name) {
  for (const MPI_Comm comm : levels) {
    const bool last = comm == levels.back();
    levels_.emplace_back(comm, last ? wire : Wire::kFp32, largest, waits, name);
    int ranks = 1;
    MPI_Comm_size(comm, &ranks);
    largest = (largest + static_cast<size_t>(ranks) - 1) / static_cast<size_t>(ranks);
  }
}

void AllReduce::reduce(size_t level, std::span<float> values, Combine combine) {
  SliceExchange& exchange = levels_[level];
  exchange.collect(values, combine);
  if (level + 1 < levels_.size()) reduce(level + 1, exchange.slice(values), combine);
  exchange.handOut(values);
}

void broadcast(MPI_Comm comm, std::string& text) {
  auto size = static_cast<uint64_t>(text.size());
  MPI_Bcast(&size, 1, MPI_UINT64_T, 0, comm);
  text.resize(size);
  MPI_Bcast(text.data(), static_cast<int>(size), MPI_CHAR, 0, comm);
}

}  // namespace sphereface
