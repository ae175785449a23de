// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include <memory>

#include "coordinator/step_collector.h"

namespace sphereface {

/// The run's Prometheus metrics. Thread-safe, as prometheus-cpp's objects are.
class Metrics {
 public:
  Metrics(uint64_t steps, int workers);

  void step(const StepSummary& step);
  void imagesPerSecond(double rate) { images_per_second_.Set(rate); }
  void checkpoint();
  void rollBack();
  void stragglers(int count);

  const std::shared_ptr<prometheus::Registry>& registry() const { return registry_; }

 private:
  prometheus::Gauge& gauge(const char* name, const char* help);
  prometheus::Counter& counter(const char* name, const char* help);

  std::shared_ptr<prometheus::Registry> registry_;
  prometheus::Counter& steps_;
  prometheus::Counter& images_;
  prometheus::Counter& bad_records_;
  prometheus::Counter& skipped_steps_;
  prometheus::Counter& roll_backs_;
  prometheus::Counter& cache_hits_;
  prometheus::Counter& loader_seconds_;
  prometheus::Counter& step_seconds_;
  prometheus::Counter& checkpoint_seconds_;
  prometheus::Counter& communication_seconds_;
  prometheus::Counter& checkpoints_;
  prometheus::Gauge& planned_steps_;
  prometheus::Gauge& workers_;
  prometheus::Gauge& stragglers_;
  prometheus::Gauge& loss_;
  prometheus::Gauge& accuracy_;
  prometheus::Gauge& lambda_;
  prometheus::Gauge& learning_rate_;
  prometheus::Gauge& gradient_norm_;
  prometheus::Gauge& images_per_second_;
  prometheus::Gauge& cache_bytes_;
};

}  // namespace sphereface
