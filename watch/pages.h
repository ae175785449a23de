// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <string_view>

namespace sphereface {

/// A file of watch/pages/ as it is built into the programs ("index.html", "charts.js"), or
/// "chart.min.js", the distribution's Chart.js. Empty when there is none of that name.
std::string_view pageFile(std::string_view name);

}  // namespace sphereface
