// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "evaluation/feature_file.h"

namespace sphereface {

/// How the parts of an ensemble's feature weigh: as long as they are, as SphereFace's ensembles of
/// three face patches have them, or each made a unit vector first, so that all weigh the same.
enum class PartLength { kAsItIs, kUnit };

/// The features of an ensemble: for each image those of `parts`, one behind the other. Rows are
/// found by name, whatever their order, which is then the first part's. A part is called by its
/// place in `labels` in messages.
///
/// With cosines c_k of parts whose features have lengths a_k and b_k, the cosine of the joined
/// features is sum_k a_k b_k c_k / (|a| |b|); with unit parts it is the mean of the c_k.
///
/// ensures: model_sha256 is the SHA-256 of the parts' one behind the other ("" when one has none);
/// alignment_template and color_order are the parts', with " + " between different ones.
/// requires: as many labels as parts, one or more. errors: Error naming the part whose mirror isn't
/// the first's, or the image that isn't in it, is there twice, or, with kUnit, has a feature
/// without direction.
FeatureSet joinFeatures(const std::vector<FeatureSet>& parts,
                        const std::vector<std::string>& labels, PartLength length);

}  // namespace sphereface
