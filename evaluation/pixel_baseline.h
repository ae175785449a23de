// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include "evaluation/feature_file.h"

namespace sphereface {

/// The grey pixels of aligned faces as their features: what a face verifier scores that has learnt
/// nothing. `images` are paths below `directory`, without suffix.
/// errors: Error when images are missing, unreadable or not of the aligned size.
FeatureSet pixelFeatures(const std::filesystem::path& directory,
                         std::span<const std::string> images, size_t threads);

}  // namespace sphereface
