// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "evaluation/blufr.h"

namespace sphereface {

/// For people, in percent.
std::string blufrTable(const std::vector<BlufrTrialResult>& results);

/// For programs, in fractions.
Json blufrJson(const std::vector<BlufrTrialResult>& results, const BlufrTrials& trials,
               const FeatureSet& features);

}  // namespace sphereface
