// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "evaluation/feature_file.h"

namespace sphereface {

/// The rows of each class: the folder of a feature's name.
/// errors: Error naming a feature that is in no folder.
std::map<std::string, std::vector<size_t>> rowsOfClasses(const FeatureSet& features);

}  // namespace sphereface
