// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <filesystem>
#include <string>

#include "base/json.h"
#include "evaluation/feature_file.h"
#include "evaluation/open_set.h"

namespace sphereface {

/// Mean and sample standard deviation over the draws, in percent, for people.
std::string openSetTable(const OpenSetResult& result);

/// The same in fractions, with the features' model, for programs. A threshold is null when a draw
/// has none.
Json openSetJson(const OpenSetResult& result, const FeatureSet& features);

/// The mean threshold that such a result, written to `file`, has for false alarm rate `far`.
/// errors: Error when it is of another model, when its mirror image entered in another way, or when
/// it has no such rate or no threshold for it.
double openSetThreshold(const std::filesystem::path& file, double far,
                        const std::string& model_sha256, const std::string& mirror);

}  // namespace sphereface
