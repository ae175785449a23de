// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What a run leaves in its folder besides checkpoints: metrics.jsonl (one line an interval of
// steps), events.jsonl (what happened when), summary.json at the end; and the progress lines.

#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/json.h"
#include "proto/control.pb.h"
#include "run/log_output.h"
#include "run/run_folder.h"
#include "run/step_collector.h"

namespace sphereface {

struct RunShape {
  uint64_t first_step = 0;
  uint64_t steps = 0;
  uint64_t records = 0;  // of the data set
  uint32_t classes = 0;
  uint32_t log_every_steps = 1;
  int world_size = 0;
  double clip_gradients =
      -1;  // steps whose gradient's norm is above it are counted; negative: none
};

/// What the end of an interval of steps tells.
struct IntervalSummary {
  FigureValues figures;  // as OverSteps makes them
  std::vector<RankInterval> ranks;
};

class RunLog {
 public:
  /// Appends to what an earlier part of the run left. `output` must outlive it.
  RunLog(const std::filesystem::path& folder, const RunShape& shape, LogOutput& output);

  /// One completed step; every log_every_steps of them a line of the output and of metrics.jsonl,
  /// and something to return.
  std::optional<IntervalSummary> step(const StepSummary& step);

  /// Counts it, and makes it an event.
  void rollBack(const RollBack& done);

  /// A line of the output and of events.jsonl.
  void event(const std::string& kind, const std::string& text,
             const Json& details = Json::object());
  /// Of events.jsonl alone.
  void record(const std::string& kind, const std::string& text, const Json& details);

  /// Whether metrics.jsonl has a line of this job's.
  bool hasMetrics() const { return has_metrics_; }

  /// Writes summary.json.
  void finish(int checkpoints);

 private:
  using Clock = std::chrono::steady_clock;

  struct Interval {
    uint64_t steps = 0;
    uint64_t images = 0;
    FigureValues sums;
    std::vector<RankStep> ranks;  // sums; memory: the last told
  };
  void add(const StepSummary& step);
  void nameBadRecords(const StepSummary& step);
  IntervalSummary summarize(const StepSummary& last, Clock::time_point now) const;
  IntervalSummary writeInterval(const StepSummary& last);
  void watchForStuckLoss(uint64_t step, double loss);

  RunFolder folder_;
  RunShape shape_;
  LogOutput& output_;
  double chance_loss_;  // ln C
  std::ofstream metrics_;
  std::ofstream events_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point interval_start_ = start_;
  Interval interval_;
  bool has_metrics_ = false;
  uint64_t images_ = 0;
  std::set<uint64_t> bad_records_named_;
  FigureValues totals_;  // since the job's start; parts of steps that were skipped aren't in them
  FigureValues newest_;  // told
  bool begun_ = false;   // a step has been taken
  double loss_first_ = 0;
  double loss_last_ = 0;
  std::string pace_;  // of the last interval, for the progress bar
  uint64_t stuck_since_ = 0;
  bool stuck_named_ = false;
};

}  // namespace sphereface
