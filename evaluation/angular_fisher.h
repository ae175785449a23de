// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// How well features of known people are apart by angle: the angular Fisher score of SphereFace's
// paper (Appendix E), lower is better,
//
//   AFS = S_w / S_b
//   S_w = sum over classes i, over features x of class i, of 1 - cos(x, m_i)
//   S_b = sum over classes i of n_i (1 - cos(m_i, m))
//
// n_i being the number of features of class i, m_i their mean and m the mean of all features, both
// of the features as they are, not of unit vectors. In double.

#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/json.h"
#include "evaluation/feature_file.h"

namespace sphereface {

/// Angles in degrees.
struct AngularFisher {
  size_t images = 0;
  size_t classes = 0;
  double within = 0;                // S_w
  double between = 0;               // S_b
  double score = 0;                 // AFS
  std::vector<double> intra_class;  // of each feature with the mean of its class; none of classes
                                    // with one feature
  std::vector<double> inter_class;  // of the means of each two classes
};

/// The class of a feature is the folder of its name ("Ann/Ann_0001.jpg": "Ann"). Inter-class angles
/// take classes^2 / 2 numbers.
/// errors: Error naming a feature without a folder, or a feature or mean without direction; when
/// there are fewer than two classes, no class with two features, or all means have one direction.
AngularFisher angularFisher(const FeatureSet& features, size_t threads);

/// For people, for programs, and as one HTML page with histograms of the angles, where `label`
/// names what was evaluated.
std::string fisherTable(const AngularFisher& result);
Json fisherJson(const AngularFisher& result, const FeatureSet& features);
std::string fisherPage(const AngularFisher& result, const FeatureSet& features,
                       const std::string& label);

}  // namespace sphereface
