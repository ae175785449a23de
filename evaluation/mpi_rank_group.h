// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <mpi.h>

#include "evaluation/rank_group.h"

namespace sphereface {

/// The ranks of an MPI communicator, which must outlive it.
class MpiRankGroup : public RankGroup {
 public:
  explicit MpiRankGroup(MPI_Comm ranks);

  size_t rank() const override { return static_cast<size_t>(rank_); }
  size_t size() const override { return static_cast<size_t>(size_); }
  size_t onHost() const override { return static_cast<size_t>(on_host_); }
  size_t placeOnHost() const override { return static_cast<size_t>(place_on_host_); }
  void sum(std::span<uint64_t> values) override;
  std::vector<std::string> gather(std::string bytes) override;

 private:
  MPI_Comm ranks_;
  int rank_ = 0;
  int size_ = 1;
  int on_host_ = 1;
  int place_on_host_ = 0;
};

}  // namespace sphereface
