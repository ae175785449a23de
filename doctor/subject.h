// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What a request names, opened as far as it can be.

#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "data/dataset.h"
#include "doctor/examine.h"
#include "plan/forecast.h"
#include "proto/checkpoint.pb.h"

namespace sphereface::doctor {

struct Subject {
  std::optional<TrainConfig> config;

  std::filesystem::path lmdb;  // empty: none was named
  std::unique_ptr<Dataset> dataset;
  std::string no_dataset;  // why there is none

  std::filesystem::path checkpoint_folder;  // --checkpoint, or network.init_from; empty: none
  std::optional<CheckpointManifest> checkpoint;
  std::string no_checkpoint;

  // With a configuration and a data set.
  std::optional<PlannedRun> run;
  std::optional<Forecast> forecast;
  std::string no_run;
};

/// errors: UsageError when the configuration is wrong; what else is missing or damaged is a reason.
Subject openSubject(const Request& request);

}  // namespace sphereface::doctor
