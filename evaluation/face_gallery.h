// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The people that are known, and whom of them a face resembles most.
//
//   person = unit(sum over the person's photographs of unit(feature))
//   score  = cosine(person, feature)

#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "evaluation/feature_file.h"
#include "evaluation/scorer.h"

namespace sphereface {

/// The person with the highest score (the first of equals) and the second highest.
struct Match {
  size_t person = 0;
  double score = 0;
  std::optional<size_t> runner_up;  // none in a gallery of one
  double runner_up_score = 0;
};

class FaceGallery {
 public:
  explicit FaceGallery(size_t dim) : scorer_(Similarity::kCosine, dim) {}

  /// Adds a person with the features of some photographs, [photographs, dim].
  /// errors: Error naming the person when a feature, or their mean, has no direction.
  void add(const std::string& name, std::span<const float> features);

  size_t dim() const { return scorer_.dim(); }
  size_t size() const { return names_.size(); }
  const std::string& name(size_t person) const { return names_[person]; }

  /// requires: the gallery isn't empty. errors: Error when the feature has no direction.
  Match match(std::span<const float> feature) const;
  /// The same of these rows, many of them with a panel of people while it is in cache.
  /// requires: the gallery isn't empty. errors: Error naming a feature without a direction.
  std::vector<Match> matchAll(const FeatureSet& features, std::span<const size_t> rows,
                              size_t threads) const;

 private:
  size_t panels() const { return (size() + Scorer::kPanel - 1) / Scorer::kPanel; }

  Scorer scorer_;
  std::vector<std::string> names_;
  std::vector<float> panels_;  // the people, as Scorer packs them
  std::vector<float> last_;    // those of the last panel, [people, dim]
};

/// Adds unit(feature) to `sum`. errors: Error naming `name` when the feature has no direction.
void addUnit(std::span<const float> feature, const std::string& name, std::span<float> sum);

}  // namespace sphereface
