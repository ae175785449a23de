// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <vector>

#include "proto/control.pb.h"

namespace sphereface {

/// Which workers keep the others waiting: whose own work of a step, without the reduction, takes
/// much longer than that of the middle one of the others, for several intervals of steps.
class Stragglers {
 public:
  explicit Stragglers(int workers) : workers_(static_cast<size_t>(workers)) {}

  /// A step of worker `worker`, from 0.
  void add(int worker, const StepReport& report);

  /// A worker that has become slow, or is no longer.
  struct Change {
    int worker = 0;
    bool slow = false;
    double ratio = 0;         // its work to that of the middle one of the others
    double loader_share = 0;  // of its work: waiting for images
  };
  /// Ends an interval of steps.
  std::vector<Change> endInterval();

  /// Workers that are slow now.
  int count() const;

 private:
  struct Worker {
    double work = 0;  // seconds, of the interval
    double loader = 0;
    int slow_intervals = 0;
    bool slow = false;
  };
  std::vector<Worker> workers_;
};

}  // namespace sphereface
