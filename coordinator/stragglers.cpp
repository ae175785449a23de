// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "coordinator/stragglers.h"

#include <algorithm>

#include "run/step_collector.h"

namespace sphereface {
namespace {

constexpr double kSlow = 1.5;
constexpr double kNoLongerSlow = 1.2;
// An interval alone may be an accident.
constexpr int kIntervals = 2;

/// median() of all but the one at place `left_out` of `sorted`, which has two at least.
double medianOfOthers(const std::vector<double>& sorted, size_t left_out) {
  const size_t middle = (sorted.size() - 1) / 2;
  return sorted[middle < left_out ? middle : middle + 1];
}

}  // namespace

void Stragglers::add(int worker, const StepReport& report) {
  Worker& of = workers_.at(static_cast<size_t>(worker));
  of.loader += report.loader_seconds();
  of.work += workSeconds(report);
}

std::vector<Stragglers::Change> Stragglers::endInterval() {
  std::vector<Change> changes;
  if (workers_.size() > 1) {
    std::vector<double> sorted;
    for (const Worker& worker : workers_)
      sorted.push_back(worker.work);
    std::ranges::sort(sorted);
    for (size_t i = 0; i < workers_.size(); ++i) {
      Worker& worker = workers_[i];
      const auto place = std::ranges::lower_bound(sorted, worker.work) - sorted.begin();
      const double middle = medianOfOthers(sorted, static_cast<size_t>(place));
      if (middle <= 0) continue;
      const double ratio = worker.work / middle;
      worker.slow_intervals = ratio > kSlow ? worker.slow_intervals + 1 : 0;
      const bool slow = worker.slow ? ratio > kNoLongerSlow : worker.slow_intervals >= kIntervals;
      if (slow != worker.slow) {
        changes.push_back({static_cast<int>(i), slow, ratio, worker.loader / worker.work});
      }
      worker.slow = slow;
    }
  }
  for (Worker& worker : workers_) {
    worker.work = 0;
    worker.loader = 0;
  }
  return changes;
}

int Stragglers::count() const {
  return static_cast<int>(
      std::ranges::count_if(workers_, [](const Worker& worker) { return worker.slow; }));
}

}  // namespace sphereface
