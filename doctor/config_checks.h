// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// A configuration beside the data set it is to train on.

#pragma once

#include <cstdint>
#include <vector>

#include "doctor/finding.h"
#include "plan/forecast.h"
#include "proto/manifest.pb.h"

namespace sphereface::doctor {

/// What a data set says of itself: faces aligned to a template that is known.
Finding datasetFinding(const DatasetManifest& data);

/// Image size, channels and normalisation are those the network of `config` wants.
Finding shapeFinding(const DatasetManifest& data, const TrainConfig& config);

/// Images a step against the data and the learning rate.
Finding batchFinding(const PlannedRun& run, const RunLength& length);

/// Margin and scale of the head against the number of classes and images, and the run's steps.
Finding headFinding(const HeadConfig& head, uint64_t classes, const RunLength& length);

/// The forecast's warnings, one finding each; what the schedule is when there are none.
std::vector<Finding> planFindings(const Forecast& forecast);

}  // namespace sphereface::doctor
