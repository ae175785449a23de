// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "coordinator/metrics.h"

namespace sphereface {

prometheus::Gauge& Metrics::gauge(const char* name, const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(*registry_).Add({});
}

prometheus::Counter& Metrics::counter(const char* name, const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(*registry_).Add({});
}

Metrics::Metrics(uint64_t steps, int workers)
    : registry_(std::make_shared<prometheus::Registry>()),
      steps_(counter("sphereface_steps_total", "Optimiser steps done by this process")),
      images_(counter("sphereface_images_total", "Images trained on")),
      bad_records_(counter("sphereface_bad_records_total", "Records replaced because unusable")),
      skipped_steps_(counter("sphereface_skipped_steps_total",
                             "Steps left out because their loss had diverged")),
      roll_backs_(counter("sphereface_roll_backs_total",
                          "Times training went back to a checkpoint's weights")),
      cache_hits_(counter("sphereface_cache_hits_total", "Images that needed no decoding")),
      loader_seconds_(counter("sphereface_loader_wait_seconds_total",
                              "Seconds of the steps in which workers waited for images")),
      step_seconds_(counter("sphereface_step_seconds_total", "Seconds of the steps")),
      checkpoint_seconds_(counter("sphereface_checkpoint_blocking_seconds_total",
                                  "Seconds in which training stood still for checkpoints")),
      communication_seconds_(
          counter("sphereface_communication_seconds_total",
                  "Seconds of the steps in which workers waited for the gradients' reduction")),
      checkpoints_(counter("sphereface_checkpoints_total", "Checkpoints committed")),
      planned_steps_(gauge("sphereface_planned_steps", "Step at which training ends")),
      workers_(gauge("sphereface_workers", "Workers of the job")),
      stragglers_(gauge("sphereface_straggling_workers", "Workers that keep the others waiting")),
      loss_(gauge("sphereface_loss", "Mean loss of the last step")),
      accuracy_(
          gauge("sphereface_accuracy_ratio", "Share of the last step's images classified right")),
      lambda_(gauge("sphereface_lambda", "A-Softmax annealing weight")),
      learning_rate_(gauge("sphereface_learning_rate", "Learning rate of the last step")),
      gradient_norm_(gauge("sphereface_gradient_norm", "2-norm of the last step's gradient")),
      images_per_second_(
          gauge("sphereface_images_per_second", "Training rate of the last interval")),
      cache_bytes_(gauge("sphereface_cache_bytes", "Bytes of decoded images kept")) {
  planned_steps_.Set(static_cast<double>(steps));
  workers_.Set(workers);
}

void Metrics::step(const StepSummary& step) {
  steps_.Increment();
  images_.Increment(static_cast<double>(step.images));
  bad_records_.Increment(static_cast<double>(step.bad_records));
  cache_hits_.Increment(static_cast<double>(step.cache_hits));
  loader_seconds_.Increment(step.loader_seconds);
  step_seconds_.Increment(step.seconds());
  communication_seconds_.Increment(step.communication_seconds);
  checkpoint_seconds_.Increment(step.checkpoint_seconds);
  cache_bytes_.Set(static_cast<double>(step.cache_bytes));
  if (step.skipped) {
    skipped_steps_.Increment();
    return;
  }
  loss_.Set(step.loss);
  accuracy_.Set(step.accuracy);
  lambda_.Set(step.lambda);
  learning_rate_.Set(step.learning_rate);
  gradient_norm_.Set(step.gradient_norm);
}

void Metrics::stragglers(int count) {
  stragglers_.Set(count);
}

void Metrics::checkpoint() {
  checkpoints_.Increment();
}

void Metrics::rollBack() {
  roll_backs_.Increment();
}

}  // namespace sphereface
