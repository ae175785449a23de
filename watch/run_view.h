// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// A run as its folder tells it, while it is written and later: what the dashboard shows, as JSON.
// docs/monitoring.md describes the documents.

#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "run/json_lines.h"
#include "watch/live_status.h"
#include "watch/run_health.h"
#include "watch/thinned_table.h"

namespace sphereface {

/// Thread-safe. Reads only what was added to the files since the last call, and keeps a bounded
/// part of it: curves of at most some thousand points, the newest events, the newest evaluations.
class RunView {
 public:
  /// `live`: of the job that this process coordinates, or nothing.
  RunView(std::filesystem::path run, std::function<std::optional<LiveStatus>()> live = {});

  /// What the run is, where it stands, what is wrong with it, its workers, its newest events.
  Json state();
  /// Its curves from step 0.
  Json history();
  /// Its newest scores, with their curves.
  Json evaluations();

  /// Newest line of evaluations.jsonl for each benchmark and protocol.
  std::vector<Json> newestScores();

 private:
  void refresh();
  void takeMetrics(Json line);
  void takeEvent(Json event);
  void takeScore(const Json& line);
  RunState stateOf(const std::optional<LiveStatus>& live) const;

  std::filesystem::path run_;
  std::function<std::optional<LiveStatus>()> live_;
  std::mutex mutex_;
  JsonLines metrics_file_;
  JsonLines events_file_;
  JsonLines evaluations_file_;
  uint64_t lines_ = 0;  // of metrics.jsonl so far
  Json last_;           // the newest one
  ThinnedTable curves_;
  std::deque<double> recent_rates_;  // images/s
  ThinnedTable ranks_;               // step, then each worker's seconds of work
  std::deque<Json> events_;          // the newest
  std::vector<Json> job_;            // events since the newest job's start, that one first
  std::deque<Json> scores_;          // without curves
  std::map<std::pair<std::string, std::string>, Json> newest_scores_;
};

}  // namespace sphereface
