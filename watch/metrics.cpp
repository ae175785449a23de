// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "watch/metrics.h"

#include <cmath>
#include <cstddef>

#include "base/error.h"
#include "base/this_process.h"

namespace sphereface {
namespace {

/// From a tenth of a millisecond to some minutes, each twice the one before.
prometheus::Histogram::BucketBoundaries secondsBuckets() {
  prometheus::Histogram::BucketBoundaries bounds(22, 1e-4);
  for (size_t i = 1; i < bounds.size(); ++i)
    bounds[i] = 2 * bounds[i - 1];
  return bounds;
}

prometheus::Labels labelsOf(int rank, const std::string& host) {
  return {{"rank", std::to_string(rank)}, {"host", host}};
}

}  // namespace

Metrics::Gauges& Metrics::gauges(const std::string& name, const std::string& help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(*registry_);
}

prometheus::Gauge& Metrics::gauge(const std::string& name, const std::string& help) {
  return gauges(name, help).Add({});
}

prometheus::Counter& Metrics::counter(const std::string& name, const std::string& help,
                                      const prometheus::Labels& labels) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(*registry_).Add(labels);
}

prometheus::Counter& Metrics::skippedSamples(const std::string& reason) {
  return counter("sphereface_skipped_samples_total",
                 "Samples not trained on, by reason: of a diverged step, which updated nothing; of "
                 "the others another record took the place",
                 {{"reason", reason}});
}

Metrics::Metrics(const RunIdentity& run)
    : registry_(
          std::make_shared<prometheus::Registry>(prometheus::Registry::InsertBehavior::Merge)),
      steps_(counter("sphereface_steps_total", "Optimiser steps done by this job")),
      images_(counter("sphereface_images_total", "Images trained on")),
      diverged_(skippedSamples("diverged")),
      leases_(counter("sphereface_leases_total", "Leases of steps handed to all workers")),
      checkpoints_(counter("sphereface_checkpoints_total", "Checkpoints committed")),
      step_(gauge("sphereface_step", "Steps of the run done")),
      leased_until_(gauge("sphereface_leased_until_step", "First step not yet leased")),
      stragglers_(gauge("sphereface_straggling_workers", "Workers that keep the others waiting")),
      silent_(gauge("sphereface_silent_workers",
                    "Workers that have missed several heartbeats: dead, stopped or cut off")),
      memory_(gauge("process_resident_memory_bytes", "Resident memory of the coordinator")),
      last_step_time_(gauge("sphereface_last_step_timestamp_seconds",
                            "Unix time of the last step's end, or of the job's start")),
      checkpoint_time_(gauge("sphereface_last_checkpoint_timestamp_seconds",
                             "Unix time of the newest checkpoint, or of the job's start")),
      checkpoint_step_(gauge("sphereface_last_checkpoint_step", "Step of the newest checkpoint")),
      checkpoint_seconds_(gauge("sphereface_last_checkpoint_duration_seconds",
                                "From the copy of the weights to the newest checkpoint's commit, "
                                "most of it while training went on")),
      rank_images_per_second_(gauges("sphereface_rank_images_per_second",
                                     "Training rate of a worker in the last interval")),
      rank_work_(gauges("sphereface_rank_work_seconds",
                        "A worker's own part of a step, without waiting for others, mean of the "
                        "last interval")),
      rank_memory_(gauges("sphereface_rank_memory_bytes", "Resident memory of a worker")),
      rank_heard_(gauges("sphereface_rank_last_heard_timestamp_seconds",
                         "Unix time of the last message of a worker")),
      evaluation_score_(gauges("sphereface_evaluation_score",
                               "Newest score of the network on a benchmark, by metric")),
      evaluation_step_(gauges("sphereface_evaluation_step", "Step that the newest score is of")),
      step_seconds_(prometheus::BuildHistogram()
                        .Name("sphereface_step_duration_seconds")
                        .Help("Time of a step, mean over workers")
                        .Register(*registry_)
                        .Add({}, secondsBuckets())) {
  auto& parts = prometheus::BuildHistogram()
                    .Name("sphereface_step_part_duration_seconds")
                    .Help(
                        "Time of a step by part, mean over workers: loader (waiting for images), "
                        "communication (not hidden behind backward), idle (without a lease), ...")
                    .Register(*registry_);
  for (size_t row = 0; row < kStepFigures.size(); ++row) {
    const StepFigure& figure = kStepFigures[row];
    if (!figure.part.empty()) {
      part_seconds_[row] = &parts.Add({{"part", std::string(figure.part)}}, secondsBuckets());
    }
    if (figure.metric.empty()) continue;
    const std::string name = concat("sphereface_", figure.metric);
    const std::string help(figure.help);
    if (figure.metric.ends_with("_total")) {
      figure_counters_[row] = &counter(name, help);
    } else {
      figure_gauges_[row] = &gauge(name, help);
    }
  }
  for (size_t reason = 0; reason < kBadSampleReasons.size(); ++reason)
    bad_samples_[reason] = &skippedSamples(kBadSampleReasons[reason]);
  gauges("sphereface_build_info", "1; the version that is running")
      .Add({{"version", SPHEREFACE_VERSION}})
      .Set(1);
  gauges("sphereface_run_info", "1; what is being trained")
      .Add({{"run", run.name}, {"network", run.network}, {"head", run.head}})
      .Set(1);
  gauge("sphereface_planned_steps", "Step at which training ends")
      .Set(static_cast<double>(run.steps));
  gauge("sphereface_checkpoint_interval_steps", "Steps between checkpoints; 0: only one at the end")
      .Set(static_cast<double>(run.checkpoint_every));
  gauge("sphereface_workers", "Workers of the job").Set(run.workers);
  gauge("sphereface_loss_at_chance", "ln C, the loss of a network that knows nothing")
      .Set(std::log(run.classes));
  last_step_time_.SetToCurrentTime();
  checkpoint_time_.SetToCurrentTime();
  gauge("process_start_time_seconds", "Unix time of the coordinator's start").SetToCurrentTime();
  counter("sphereface_restarts_total", "Jobs that have worked at this run before this one")
      .Increment(run.restarts);
}

void Metrics::step(const StepSummary& step) {
  steps_.Increment();
  step_.Set(static_cast<double>(step.step + 1));
  last_step_time_.SetToCurrentTime();
  images_.Increment(static_cast<double>(step.images));
  for (const StepReport::BadSample& bad : step.bad_samples)
    bad_samples_.at(static_cast<size_t>(bad.reason()))->Increment();
  step_seconds_.Observe(partsOf(step.figures));
  if (step.skipped) diverged_.Increment(static_cast<double>(step.images));
  for (size_t row = 0; row < kStepFigures.size(); ++row) {
    const double value = step.figures.values[row];
    if (part_seconds_[row] != nullptr) part_seconds_[row]->Observe(value);
    if (figure_counters_[row] != nullptr) figure_counters_[row]->Increment(value);
    if (figure_gauges_[row] == nullptr || kStepFigures[row].of == nullptr) continue;
    if (!step.skipped && !std::isnan(value)) figure_gauges_[row]->Set(value);
  }
}

void Metrics::interval(const FigureValues& figures) {
  for (size_t row = 0; row < kStepFigures.size(); ++row) {
    if (figure_gauges_[row] != nullptr && kStepFigures[row].over_steps == OverSteps::kGiven) {
      figure_gauges_[row]->Set(figures.values[row]);
    }
  }
}

void Metrics::count(FigureName total) {
  figure_counters_[total.row]->Increment();
}

void Metrics::rank(int rank, const std::string& host, const RankInterval& interval) {
  if (rank > kMostRanksShown) return;
  const prometheus::Labels labels = labelsOf(rank, host);
  rank_images_per_second_.Add(labels).Set(interval.images_per_second);
  rank_work_.Add(labels).Set(interval.work_seconds);
  if (interval.memory_bytes > 0) {
    rank_memory_.Add(labels).Set(static_cast<double>(interval.memory_bytes));
  }
}

void Metrics::workers(const std::vector<LastHeard>& last_heard, int silent, double now) {
  silent_.Set(silent);
  for (const LastHeard& last : last_heard) {
    if (last.rank <= kMostRanksShown && last.host != "?") {
      rank_heard_.Add(labelsOf(last.rank, last.host)).Set(now - last.ago.count());
    }
  }
}

void Metrics::leased(uint64_t until_step) {
  leases_.Increment();
  leased_until_.Set(static_cast<double>(until_step));
}

void Metrics::checkpoint(uint64_t step, double seconds, double now) {
  checkpoints_.Increment();
  checkpoint_time_.Set(now);
  checkpoint_step_.Set(static_cast<double>(step));
  checkpoint_seconds_.Set(seconds);
}

void Metrics::process() {
  memory_.Set(static_cast<double>(processMemory().resident));
}

void Metrics::evaluation(const Json& score) {
  const prometheus::Labels labels = {{"benchmark", score.value("benchmark", "")},
                                     {"protocol", score.value("protocol", "")}};
  const Json step = score.value("step", Json());
  if (step.is_number()) evaluation_step_.Add(labels).Set(step.get<double>());
  const auto set = [&](const std::string& metric, const Json& value) {
    if (!value.is_number()) return;
    prometheus::Labels of = labels;
    of["metric"] = metric;
    evaluation_score_.Add(of).Set(value.get<double>());
  };
  for (const char* metric : {"accuracy_mean", "accuracy_std", "auc", "eer", "rank1"})
    set(metric, score.value(metric, Json()));
  const Json rates = score.value("tar_at_far", Json());
  if (!rates.is_object()) return;
  for (const auto& [far, tar] : rates.items())
    set("tar_at_far_" + far, tar);
}

}  // namespace sphereface
