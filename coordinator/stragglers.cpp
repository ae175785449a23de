// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "coordinator/stragglers.h"

#include <algorithm>
#include <utility>

#include "base/statistics.h"
#include "run/step_collector.h"

namespace sphereface {
namespace {

constexpr double kSlow = 1.5;
constexpr double kNoLongerSlow = 1.2;
// An interval alone may be an accident.
constexpr int kIntervals = 2;

}  // namespace

void Stragglers::add(int worker, const StepReport& report) {
  Worker& of = workers_.at(static_cast<size_t>(worker));
  of.loader += report.loader_seconds();
  of.work += workSeconds(report);
}

double Stragglers::middleOfOthers(size_t worker) const {
  std::vector<double> others;
  for (size_t i = 0; i < workers_.size(); ++i) {
    if (i != worker) others.push_back(workers_[i].work);
  }
  return median(std::move(others));
}

std::vector<Stragglers::Change> Stragglers::endInterval() {
  std::vector<Change> changes;
  if (workers_.size() > 1) {
    for (size_t i = 0; i < workers_.size(); ++i) {
      Worker& worker = workers_[i];
      const double middle = middleOfOthers(i);
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
