// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// One batch of real images through the real network and head: is the loss what it must be before,
// or may be after, training?

#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "data/dataset.h"
#include "doctor/expected_loss.h"
#include "doctor/finding.h"
#include "plan/forecast.h"
#include "proto/checkpoint.pb.h"

namespace sphereface::doctor {

struct FirstLoss {
  size_t images = 0;
  size_t classes = 0;
  double loss = 0;         // mean of the batch, cross-entropy alone
  double mean_length = 0;  // of the features
  int64_t zero_features = 0;
  ExpectedLoss expected;  // of features that know nothing
  bool trained = false;   // weights of a checkpoint after some steps
};

Finding lossFinding(const FirstLoss& loss);

/// A checkpoint whose weights are taken.
struct Weights {
  std::filesystem::path folder;
  CheckpointManifest manifest;
};

/// The run that the loss is measured with: one worker, at most 32 images.
PlannedRun lossRun(const PlannedRun& run);

/// Why the loss can't be measured, as other checks say in detail; empty when it can.
/// `available`: bytes of memory, of which half may be taken.
std::string lossObstacle(const PlannedRun& loss_run, const DatasetManifest& data,
                         const std::optional<Weights>& weights, size_t available);

/// The first images in the order of training, augmented as configured, with initial weights or a
/// checkpoint's. errors: what reading them, making the engine or loading the weights throws.
FirstLoss measureLoss(const PlannedRun& loss_run, const Dataset& dataset,
                      const std::optional<Weights>& weights);

}  // namespace sphereface::doctor
