// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <string>

#include "evaluation/feature_file.h"
#include "evaluation/image_source.h"
#include "evaluation/lfw_protocol.h"
#include "evaluation/pairs.h"

namespace sphereface {

/// The result as one HTML page: figures, ROC, scores, folds, and the pairs that were got wrong with
/// their pictures from `images`, or without when that has none. `label` names what was evaluated.
/// errors: Error when a picture is missing.
std::string lfwPage(const LfwResult& result, const PairList& list, const FeatureSet& features,
                    const std::string& label, const ImageSource& images);

}  // namespace sphereface
