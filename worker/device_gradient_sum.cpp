// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "worker/device_gradient_sum.h"

namespace sphereface {
namespace {

constexpr size_t kMostVotes = 16;

}  // namespace

DeviceGroup newGroupOfWorkers(const MpiSession& session, Device device) {
  DeviceGroup group;
  if (session.isFirstWorker()) group.id = newDeviceGroup(device);
  broadcast(session.workerComm(), group.id);
  group.ranks = session.workers();
  group.rank = session.rank() - 1;
  return group;
}

DeviceGradientSum::DeviceGradientSum(std::unique_ptr<DeviceReduction> reduction,
                                     const std::vector<MPI_Comm>& levels,
                                     const ReducerOptions& options)
    : reduction_(std::move(reduction)),
      votes_(levels, Wire::kFp32, kMostVotes, options.waits),
      bucket_bytes_(options.bucket_bytes),
      timeout_(options.waits.timeout) {}

void DeviceGradientSum::ready(std::span<float> range, bool continues) {
  if (!continues) sumWaiting();
  waiting_ = waiting_.empty() ? range : std::span(waiting_.data(), waiting_.size() + range.size());
  if (waiting_.size_bytes() >= bucket_bytes_) sumWaiting();
}

void DeviceGradientSum::sumWaiting() {
  if (!waiting_.empty()) reduction_->sum(waiting_);
  bytes_ += waiting_.size_bytes();
  waiting_ = {};
}

void DeviceGradientSum::finish(std::span<float> votes) {
  sumWaiting();
  // While the GPUs are at it.
  votes_(votes);
  reduction_->wait(timeout_);
  const auto end = std::chrono::steady_clock::now();
  const auto busy = std::chrono::duration_cast<std::chrono::steady_clock::duration>(
      std::chrono::duration<double>(reduction_->busySeconds()));
  spans_ = {{end - busy, end, bytes_}};
  bytes_ = 0;
}

}  // namespace sphereface
