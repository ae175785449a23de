// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>

#include "evaluation/feature_file.h"
#include "evaluation/image_source.h"

namespace sphereface {

/// The grey pixels of aligned faces as their features: what a face verifier scores that has learnt
/// nothing. errors: Error naming an image that is unreadable or not of the aligned size.
FeatureSet pixelFeatures(const ImageSource& source, size_t threads);

}  // namespace sphereface
