// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "coordinator/step_collector.h"

#include <utility>

#include "base/error.h"

namespace sphereface {

std::optional<StepSummary> StepCollector::add(int worker, StepReport report) {
  const uint64_t step = report.step();
  std::map<int, StepReport>& of_step = reports_[step];
  if (!of_step.emplace(worker, std::move(report)).second) {
    throw Error(concat("worker ", worker, " reported step ", step, " twice"));
  }
  if (of_step.size() < static_cast<size_t>(workers_)) return std::nullopt;

  StepSummary sum;
  sum.step = step;
  double correct = 0;
  for (const auto& [from, r] : of_step) {
    sum.images += r.images();
    sum.skipped = sum.skipped || r.skipped();
    sum.loss += r.loss_sum();
    correct += static_cast<double>(r.correct());
    sum.target_cosine += r.target_cosine_sum();
    sum.lambda = r.lambda();
    sum.margin = r.margin();
    sum.learning_rate = r.learning_rate();
    sum.gradient_norm = r.gradient_norm();
    sum.bad_records += r.bad_records();
    sum.zero_norm_embeddings += r.zero_norm_embeddings();
    sum.cache_hits += r.cache_hits();
    sum.cache_bytes += r.cache_bytes();
    sum.loader_seconds += r.loader_seconds() / workers_;
    sum.forward_seconds += r.forward_seconds() / workers_;
    sum.head_seconds += r.head_seconds() / workers_;
    sum.backward_seconds += r.backward_seconds() / workers_;
    sum.communication_seconds += r.communication_seconds() / workers_;
    sum.checkpoint_seconds = std::max(sum.checkpoint_seconds, r.checkpoint_seconds());
    sum.reduction_seconds += r.reduction_seconds() / workers_;
    sum.optimizer_seconds += r.optimizer_seconds() / workers_;
  }
  for (int pass = 0; pass < passes_; ++pass) {
    for (const auto& [from, r] : of_step) {
      const int slice = r.record_size() / passes_;
      const auto begin = r.record().begin() + static_cast<ptrdiff_t>(pass) * slice;
      sum.records.insert(sum.records.end(), begin, begin + slice);
    }
  }
  const auto images = static_cast<double>(sum.images);
  sum.loss /= images;
  sum.accuracy = correct / images;
  sum.target_cosine /= images;
  reports_.erase(step);
  return sum;
}

}  // namespace sphereface
