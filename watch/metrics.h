// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The run's Prometheus metrics: what the coordinator hears of the workers, as gauges, counters and
// histograms in base units. docs/monitoring.md lists them.

#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "run/step_collector.h"
#include "watch/live_status.h"

namespace sphereface {

/// What doesn't change during a job.
struct RunIdentity {
  std::string name;
  std::string network;
  std::string head;
  uint64_t steps = 0;
  uint32_t classes = 0;
  int workers = 0;
  int restarts = 0;               // jobs that have worked at this run before
  uint64_t checkpoint_every = 0;  // steps; 0: only at the end
};

/// Thread-safe, as prometheus-cpp's objects are. Of each per-rank metric there is one series for
/// each of the first kMostRanksShown workers, labelled with rank and host.
class Metrics {
 public:
  /// At the job's start.
  explicit Metrics(const RunIdentity& run);

  void step(const StepSummary& step);
  /// At the end of an interval of steps.
  void interval(const FigureValues& figures);
  /// Something that no step's report tells has happened.
  void count(FigureName total);
  void rank(int rank, const std::string& host, const RankInterval& interval);
  /// What is known of each worker now, at unix time `now`, and how many of them are taken for dead.
  void workers(const std::vector<LastHeard>& last_heard, int silent, double now);
  void leased(uint64_t until_step);
  void checkpoint(uint64_t step, double seconds, double now);
  void stragglers(int count) { stragglers_.Set(count); }
  /// A line of evaluations.jsonl (run/run_scores.h).
  void evaluation(const Json& score);
  /// This process itself, now.
  void process();

  const std::shared_ptr<prometheus::Registry>& registry() const { return registry_; }

 private:
  using Gauges = prometheus::Family<prometheus::Gauge>;

  Gauges& gauges(const std::string& name, const std::string& help);
  prometheus::Gauge& gauge(const std::string& name, const std::string& help);
  prometheus::Counter& skippedSamples(const std::string& reason);
  prometheus::Counter& counter(const std::string& name, const std::string& help,
                               const prometheus::Labels& labels = {});

  std::shared_ptr<prometheus::Registry> registry_;
  // By row of kStepFigures; null: no such metric.
  std::array<prometheus::Gauge*, kStepFigures.size()> figure_gauges_ = {};
  std::array<prometheus::Counter*, kStepFigures.size()> figure_counters_ = {};
  std::array<prometheus::Histogram*, kStepFigures.size()> part_seconds_ = {};
  prometheus::Counter& steps_;
  prometheus::Counter& images_;
  prometheus::Counter& diverged_;
  prometheus::Counter& leases_;
  prometheus::Counter& checkpoints_;
  prometheus::Gauge& step_;
  prometheus::Gauge& leased_until_;
  prometheus::Gauge& stragglers_;
  prometheus::Gauge& silent_;
  prometheus::Gauge& memory_;
  prometheus::Gauge& last_step_time_;
  prometheus::Gauge& checkpoint_time_;
  prometheus::Gauge& checkpoint_step_;
  prometheus::Gauge& checkpoint_seconds_;
  Gauges& rank_images_per_second_;
  Gauges& rank_work_;
  Gauges& rank_memory_;
  Gauges& rank_heard_;
  Gauges& evaluation_score_;
  Gauges& evaluation_step_;
  prometheus::Histogram& step_seconds_;
  std::array<prometheus::Counter*, kBadSampleReasons.size()> bad_samples_;
};

}  // namespace sphereface
