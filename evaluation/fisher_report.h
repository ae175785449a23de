// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <string>

#include "base/json.h"
#include "evaluation/angular_fisher.h"

namespace sphereface {

std::string fisherTable(const AngularFisher& result);

Json fisherJson(const AngularFisher& result, const FeatureSet& features);

/// The result as one HTML page with histograms of the angles. `label` names what was evaluated.
std::string fisherPage(const AngularFisher& result, const FeatureSet& features,
                       const std::string& label);

}  // namespace sphereface
