// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The figures of a training step, a row each. What puts the workers' reports together, the progress
// line, metrics.jsonl, the metrics for Prometheus, the dashboard's curves and the table in
// docs/monitoring.md all loop over these rows: a new figure is a row here and a number that the
// worker reports (proto/control.proto, worker/step_runner.cpp).

#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>

#include "proto/control.pb.h"

namespace sphereface {

/// How the workers' numbers become the step's.
enum class OverWorkers {
  kPerImage,  // their sum, divided by the step's images
  kSum,
  kMean,
  kLargest,
  kSame,  // any, as all that tell it tell the same
};

/// How the steps' numbers become that of an interval, a line of metrics.jsonl.
enum class OverSteps {
  kMean,
  kSum,
  kPerImage,  // their sum, divided by the interval's images
  kLast,      // the newest that was told
  kTotal,     // their sum since the job's start; also in summary.json
  kGiven,     // what measures the interval tells it (run/run_log.cpp)
};

enum class Unit { kNumber, kShare, kSeconds, kBytes, kCount };

struct StepFigure {
  std::string_view name;  // in metrics.jsonl and /api/history
  std::string_view help;
  /// Of a worker's report; NaN: not told in this step. Null: no worker reports it.
  double (*of)(const StepReport&) = nullptr;
  OverWorkers over_workers = OverWorkers::kSame;
  OverSteps over_steps = OverSteps::kMean;
  Unit unit = Unit::kNumber;
  // Prometheus: sphereface_METRIC, a counter where that ends in _total, otherwise a gauge of the
  // last step that was not skipped.
  std::string_view metric = {};
  std::string_view part = {};  // of a step's time
  // In the progress line, "#" standing for the number with so many decimals, shares in percent.
  std::string_view log = {};
  int decimals = 0;
  // The dashboard: its tile's title; of a curve the chart it is in, its label there and whether it
  // has an axis of its own on the right; in a comparison of runs the chart's title.
  std::string_view tile = {};
  std::string_view chart = {};
  std::string_view label = {};
  bool right_axis = false;
  std::string_view compared = {};
};

inline constexpr double kNotTold = std::numeric_limits<double>::quiet_NaN();

/// A part of a step's time, mean over workers.
constexpr StepFigure stepPart(std::string_view name, std::string_view part, std::string_view help,
                              double (*of)(const StepReport&)) {
  return {.name = name,
          .help = help,
          .of = of,
          .over_workers = OverWorkers::kMean,
          .unit = Unit::kSeconds,
          .part = part,
          .chart = "parts",
          .label = part};
}

inline constexpr auto kStepFigures = std::to_array<StepFigure>({
    {.name = "loss",
     .help = "Mean loss over images, with the margin",
     .of = [](const StepReport& r) { return r.loss_sum(); },
     .over_workers = OverWorkers::kPerImage,
     .metric = "loss",
     .log = "loss #",
     .decimals = 4,
     .tile = "loss",
     .chart = "loss",
     .label = "loss with the margin",
     .compared = "Loss, each head's own"},
    {.name = "accuracy",
     .help = "Share of images classified right",
     .of = [](const StepReport& r) { return static_cast<double>(r.correct()); },
     .over_workers = OverWorkers::kPerImage,
     .unit = Unit::kShare,
     .metric = "accuracy_ratio",
     .log = "accuracy # %",
     .decimals = 1,
     .tile = "accuracy",
     .chart = "accuracy",
     .label = "classified right",
     .compared = "Accuracy on training batches"},
    {.name = "target_cosine",
     .help = "Mean cosine of images to their own class",
     .of = [](const StepReport& r) { return r.target_cosine_sum(); },
     .over_workers = OverWorkers::kPerImage,
     .metric = "target_cosine",
     .chart = "accuracy",
     .label = "cosine to the own class x 100",
     .compared = "Cosine to the own class"},
    {.name = "past_margin_share",
     .help = "Share of images that are right with the margin, too",
     .of = [](const StepReport& r) { return static_cast<double>(r.past_margin()); },
     .over_workers = OverWorkers::kPerImage,
     .unit = Unit::kShare,
     .metric = "past_margin_ratio",
     .tile = "past the margin",
     .chart = "accuracy",
     .label = "also with the margin"},
    {.name = "lambda",
     .help = "A-Softmax annealing weight",
     .of = [](const StepReport& r) { return r.lambda(); },
     .over_steps = OverSteps::kLast,
     .metric = "lambda",
     .tile = "lambda",
     .chart = "schedule",
     .label = "lambda"},
    {.name = "margin",
     .help = "Margin of the head",
     .of = [](const StepReport& r) { return r.margin(); },
     .over_steps = OverSteps::kLast,
     .metric = "margin",
     .tile = "margin",
     .chart = "schedule",
     .label = "margin"},
    {.name = "learning_rate",
     .help = "Learning rate",
     .of = [](const StepReport& r) { return r.learning_rate(); },
     .over_steps = OverSteps::kLast,
     .metric = "learning_rate",
     .log = "lr #",
     .decimals = 5,
     .tile = "learning rate",
     .chart = "schedule",
     .label = "learning rate",
     .right_axis = true,
     .compared = "Learning rate"},
    {.name = "gradient_norm",
     .help = "2-norm of the gradient",
     .of = [](const StepReport& r) { return r.gradient_norm(); },
     .over_steps = OverSteps::kLast,
     .metric = "gradient_norm",
     .chart = "norms",
     .label = "gradient",
     .compared = "Norm of the gradient"},
    {.name = "weight_norm",
     .help = "2-norm of the network's parameters",
     .of = [](const StepReport& r) { return r.has_weight_norm() ? r.weight_norm() : kNotTold; },
     .over_steps = OverSteps::kLast,
     .metric = "weight_norm",
     .chart = "norms",
     .label = "weights",
     .right_axis = true},
    {.name = "clipped_steps",
     .help = "Steps whose gradient was longer than solver.clip_gradients",
     .over_steps = OverSteps::kTotal,
     .unit = Unit::kCount},
    {.name = "skipped_steps",
     .help = "Steps left out because their loss had diverged",
     .of = [](const StepReport& r) { return r.skipped() ? 1.0 : 0.0; },
     .over_workers = OverWorkers::kLargest,
     .over_steps = OverSteps::kTotal,
     .unit = Unit::kCount,
     .metric = "skipped_steps_total"},
    {.name = "roll_backs",
     .help = "Times training went back to a checkpoint's weights",
     .over_steps = OverSteps::kTotal,
     .unit = Unit::kCount,
     .metric = "roll_backs_total"},
    {.name = "images_per_second",
     .help = "Training rate",
     .over_steps = OverSteps::kGiven,
     .metric = "images_per_second",
     .log = "# images/s",
     .tile = "images/s",
     .chart = "throughput",
     .label = "images/s",
     .compared = "Throughput"},
    {.name = "eta_seconds",
     .help = "Estimated time to the run's end",
     .over_steps = OverSteps::kGiven,
     .unit = Unit::kSeconds,
     .metric = "remaining_seconds"},
    {.name = "step_seconds",
     .help = "Time of a step on the clock of the coordinator",
     .over_steps = OverSteps::kGiven,
     .unit = Unit::kSeconds},
    stepPart("loader_seconds", "loader", "Waiting for images",
             [](const StepReport& r) { return r.loader_seconds(); }),
    stepPart("forward_seconds", "forward", "The network forward",
             [](const StepReport& r) { return r.forward_seconds(); }),
    stepPart("head_seconds", "head", "The head, both ways",
             [](const StepReport& r) { return r.head_seconds(); }),
    stepPart("backward_seconds", "backward", "The network backward",
             [](const StepReport& r) { return r.backward_seconds(); }),
    stepPart("communication_seconds", "communication", "What backward doesn't hide of it",
             [](const StepReport& r) { return r.communication_seconds(); }),
    stepPart("optimizer_seconds", "optimizer", "The update",
             [](const StepReport& r) { return r.optimizer_seconds(); }),
    stepPart("idle_seconds", "idle", "Before the step, without a lease",
             [](const StepReport& r) { return r.idle_seconds(); }),
    {.name = "reduction_seconds",
     .help = "The gradients' reduction, hidden behind backward or not",
     .of = [](const StepReport& r) { return r.reduction_seconds(); },
     .over_workers = OverWorkers::kMean,
     .unit = Unit::kSeconds},
    {.name = "checkpoint_seconds",
     .help = "Seconds in which training stood still for checkpoints",
     .of = [](const StepReport& r) { return r.checkpoint_seconds(); },
     .over_workers = OverWorkers::kLargest,
     .over_steps = OverSteps::kSum,
     .unit = Unit::kSeconds,
     .metric = "checkpoint_blocking_seconds_total"},
    {.name = "communication_share",
     .help = "Communication's part of the steps' time",
     .over_steps = OverSteps::kGiven,
     .unit = Unit::kShare},
    {.name = "loader_share",
     .help = "The part of the steps' time that is waiting for images",
     .over_steps = OverSteps::kGiven,
     .unit = Unit::kShare,
     .log = "data wait # %",
     .decimals = 1,
     .tile = "waiting for data"},
    {.name = "mfu",
     .help = "Share of the measured peak of matrix products that the step reaches",
     .of = [](const StepReport& r) { return r.mfu(); },
     .over_workers = OverWorkers::kMean,
     .unit = Unit::kShare,
     .metric = "mfu_ratio",
     .log = "mfu # %",
     .decimals = 1,
     .tile = "mfu",
     .chart = "throughput",
     .label = "mfu, % of the matrix peak",
     .right_axis = true},
    {.name = "cache_hit_share",
     .help = "Images that needed no decoding",
     .of = [](const StepReport& r) { return static_cast<double>(r.cache_hits()); },
     .over_workers = OverWorkers::kSum,
     .over_steps = OverSteps::kPerImage,
     .unit = Unit::kShare,
     .metric = "cache_hits_total"},
    {.name = "cache_bytes",
     .help = "Bytes of decoded images kept",
     .of = [](const StepReport& r) { return static_cast<double>(r.cache_bytes()); },
     .over_workers = OverWorkers::kSum,
     .over_steps = OverSteps::kLast,
     .unit = Unit::kBytes,
     .metric = "cache_bytes"},
    {.name = "bad_records",
     .help = "Records that couldn't be trained on: others took their place",
     .of = [](const StepReport& r) { return static_cast<double>(r.bad_sample_size()); },
     .over_workers = OverWorkers::kSum,
     .over_steps = OverSteps::kTotal,
     .unit = Unit::kCount},
    {.name = "zero_norm_embeddings",
     .help = "Embeddings of length zero",
     .of = [](const StepReport& r) { return static_cast<double>(r.zero_norm_embeddings()); },
     .over_workers = OverWorkers::kSum,
     .over_steps = OverSteps::kTotal,
     .unit = Unit::kCount,
     .metric = "zero_norm_embeddings_total"},
});

/// A row by its name, looked up by the compiler: FigureName("los") is an error.
struct FigureName {
  // NOLINTNEXTLINE(google-explicit-constructor)
  consteval FigureName(const char* name) {
    while (kStepFigures[row].name != name)
      ++row;
  }
  size_t row = 0;
};

/// A number for each row.
struct FigureValues {
  std::array<double, kStepFigures.size()> values = {};

  double& operator[](FigureName name) { return values[name.row]; }
  double operator[](FigureName name) const { return values[name.row]; }
};

/// The sum of a step's parts, of all workers' mean or of one worker's report.
double partsOf(const FigureValues& figures);
double partsOf(const StepReport& report);

/// "accuracy 12.3 %" of a row with a place in the progress line.
std::string logText(const StepFigure& figure, double value);

}  // namespace sphereface
