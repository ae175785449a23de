// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Gradients in the memory of GPUs: their sum over the workers, by the network between those.

#pragma once

#include <memory>

#include "control/mpi_session.h"
#include "kernels/engine.h"
#include "worker/all_reduce.h"
#include "worker/gradient_reducer.h"

namespace sphereface {

/// A new group of all workers' devices; without an id where sums over them are made by MPI. Called
/// by all workers together.
DeviceGroup newGroupOfWorkers(const MpiSession& session, Device device);

class DeviceGradientSum final : public GradientSum {
 public:
  /// `levels`: of AllReduce, for the votes. Of the options, bucket_bytes and timeout count. Made by
  /// all workers together.
  DeviceGradientSum(std::unique_ptr<DeviceReduction> reduction, const std::vector<MPI_Comm>& levels,
                    const ReducerOptions& options);

  void ready(std::span<float> range, bool continues) override;
  void finish(std::span<float> votes) override;
  const std::vector<Span>& spans() const override { return spans_; }

 private:
  void sumWaiting();

  std::unique_ptr<DeviceReduction> reduction_;
  AllReduce votes_;
  size_t bucket_bytes_;
  std::chrono::seconds timeout_;
  std::span<float> waiting_;  // handed over, less than a bucket
  size_t bytes_ = 0;          // of this step
  std::vector<Span> spans_;
};

}  // namespace sphereface
