// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <functional>
#include <string>

#include "watch/http_server.h"
#include "watch/run_view.h"

namespace sphereface {

/// The dashboard of a run: its page at /, the page's data at /api/state, /api/history and
/// /api/evaluations, and `metrics`, if any, at /metrics. Each document is made at most four times
/// a second however many ask for it. Nothing else has a path. `view` must outlive it.
HttpHandler dashboardSite(RunView& view, const std::function<std::string()>& metrics = {});

}  // namespace sphereface
