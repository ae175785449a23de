// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "run/step_collector.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/error.h"

namespace sphereface {
namespace {

std::array<double, kStepParts> partsOf(const StepReport& r) {
  return {r.loader_seconds(),        r.forward_seconds(),   r.head_seconds(), r.backward_seconds(),
          r.communication_seconds(), r.optimizer_seconds(), r.idle_seconds()};
}

}  // namespace

double workSeconds(const StepReport& r) {
  return r.loader_seconds() + r.forward_seconds() + r.head_seconds() + r.backward_seconds() +
         r.optimizer_seconds();
}

double StepSummary::seconds() const {
  return std::accumulate(part_seconds.begin(), part_seconds.end(), 0.0);
}

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
    sum.past_margin_share += static_cast<double>(r.past_margin());
    sum.lambda = r.lambda();
    sum.margin = r.margin();
    sum.learning_rate = r.learning_rate();
    sum.gradient_norm = r.gradient_norm();
    if (r.has_weight_norm()) sum.weight_norm = r.weight_norm();
    sum.bad_samples.insert(sum.bad_samples.end(), r.bad_sample().begin(), r.bad_sample().end());
    sum.zero_norm_embeddings += r.zero_norm_embeddings();
    sum.cache_hits += r.cache_hits();
    sum.cache_bytes += r.cache_bytes();
    sum.checkpoint_seconds = std::max(sum.checkpoint_seconds, r.checkpoint_seconds());
    sum.reduction_seconds += r.reduction_seconds() / workers_;
    const std::array<double, kStepParts> parts = partsOf(r);
    for (size_t part = 0; part < kStepParts; ++part)
      sum.part_seconds[part] += parts[part] / workers_;
    sum.ranks.push_back({r.images(), workSeconds(r), r.memory_bytes()});
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
  sum.past_margin_share /= images;
  reports_.erase(step);
  return sum;
}

}  // namespace sphereface
