// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <filesystem>
#include <vector>

#include "watch/run_comparison.h"

namespace sphereface {

/// One HTML page that fetches nothing: the table of the runs, their curves over each other, and the
/// fields in which their configurations differ. errors: Error when it can't be written.
void writeComparisonPage(const std::filesystem::path& file, const std::vector<ComparedRun>& runs);

}  // namespace sphereface
