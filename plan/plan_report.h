// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <optional>
#include <string>

#include "base/json.h"
#include "plan/forecast.h"
#include "plan/probe.h"

namespace sphereface {

/// The plan for people: what the run needs, its schedule, its time when probed, warnings last.
std::string planText(const PlannedRun& run, const Forecast& forecast,
                     const std::optional<Probe>& probe);

Json planJson(const PlannedRun& run, const Forecast& forecast, const std::optional<Probe>& probe);

}  // namespace sphereface
