// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <filesystem>
#include <string>

#include "base/json.h"
#include "evaluation/feature_file.h"
#include "evaluation/lfw_protocol.h"
#include "evaluation/pairs.h"
#include "report/plot.h"

namespace sphereface {

/// "99.30 %"
std::string percent(double fraction, int decimals = 2);

/// The result as a table for people, in percent.
std::string lfwTable(const LfwResult& result, const FeatureSet& features);

/// The result for programs, in fractions. model_sha256 is "" for features of no model.
Json lfwJson(const LfwResult& result, const PairList& list, const FeatureSet& features);

/// TAR over FAR, on a logarithmic axis.
Panel lfwRocPanel(const LfwResult& result);

/// Values of the pairs of both kinds, with the mean threshold.
Panel lfwScorePanel(const LfwResult& result);

/// Writes lfw_roc.png (TAR over FAR) and lfw_scores.png (scores of pairs of both kinds) to
/// `folder`, which is made if need be. `label` names what was evaluated.
void writeLfwPlots(const std::filesystem::path& folder, const LfwResult& result,
                   const std::string& label);

}  // namespace sphereface
