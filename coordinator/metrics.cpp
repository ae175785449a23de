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
      checkpoints_(counter("sphereface_checkpoints_total", "Checkpoints committed")),
      planned_steps_(gauge("sphereface_planned_steps", "Step at which training ends")),
      workers_(gauge("sphereface_workers", "Workers of the job")),
      loss_(gauge("sphereface_loss", "Mean loss of the last step")),
      accuracy_(
          gauge("sphereface_accuracy_ratio", "Share of the last step's images classified right")),
      lambda_(gauge("sphereface_lambda", "A-Softmax annealing weight")),
      learning_rate_(gauge("sphereface_learning_rate", "Learning rate of the last step")),
      gradient_norm_(gauge("sphereface_gradient_norm", "2-norm of the last step's gradient")),
      images_per_second_(
          gauge("sphereface_images_per_second", "Training rate of the last interval")) {
  planned_steps_.Set(static_cast<double>(steps));
  workers_.Set(workers);
}

void Metrics::step(const StepSummary& step) {
  steps_.Increment();
  images_.Increment(static_cast<double>(step.images));
  bad_records_.Increment(static_cast<double>(step.bad_records));
  loss_.Set(step.loss);
  accuracy_.Set(step.accuracy);
  lambda_.Set(step.lambda);
  learning_rate_.Set(step.learning_rate);
  gradient_norm_.Set(step.gradient_norm);
}

void Metrics::checkpoint() {
  checkpoints_.Increment();
}

}  // namespace sphereface
