// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <string>
#include <vector>

#include "evaluation/megaface_report.h"

namespace sphereface {

/// The result as one HTML page: figures, the table of the runs, CMC and ROC of all of them.
std::string megafacePage(const std::vector<MegafaceRun>& runs, const MegafaceSetting& setting);

}  // namespace sphereface
