// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What the tests of evaluation/ share: random pairs and features.

#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/random.h"
#include "base/temporary_folder.h"
#include "evaluation/devkit_feature.h"
#include "evaluation/feature_file.h"
#include "evaluation/pairs.h"
#include "tests/support/python.h"

namespace sphereface {

/// Fold f has its own `people` people with two images each, and pairs as LFW has them.
inline PairList randomPairs(size_t folds, size_t pairs_per_kind, size_t people, uint64_t seed) {
  Random random(seed);
  PairList list;
  list.folds = folds;
  for (size_t fold = 0; fold < folds; ++fold) {
    const auto image = [&](size_t person, uint64_t number) {
      const std::string name = concat("f", fold, "p", person);
      return concat(name, "/", name, "_000", number + 1);
    };
    for (size_t i = 0; i < pairs_per_kind; ++i) {
      const size_t person = random.below(people);
      list.pairs.push_back({image(person, 0), image(person, 1), fold, true});
    }
    for (size_t i = 0; i < pairs_per_kind; ++i) {
      const size_t person = random.below(people);
      const size_t other = (person + 1 + random.below(people - 1)) % people;
      list.pairs.push_back(
          {image(person, random.below(2)), image(other, random.below(2)), fold, false});
    }
  }
  return list;
}

/// A random direction per person plus `noise` per image, around a common offset. noise 0: images of
/// a person are alike; infinite: they have nothing in common.
inline FeatureSet randomFeatures(const PairList& list, size_t dim, double noise, uint64_t seed) {
  FeatureSet features;
  features.names = distinctImages(list);
  features.rows = features.names.size();
  features.dim = dim;
  Random images(seed);
  for (const std::string& name : features.names) {
    Random person(std::hash<std::string>()(name.substr(0, name.find('/'))), seed);
    for (size_t d = 0; d < dim; ++d) {
      const double own = std::isinf(noise) ? 0.0 : person.normal();
      const double rest = std::isinf(noise) ? 1.0 : noise;
      features.values.push_back(static_cast<float>(3.0 + own + rest * images.normal()));
    }
  }
  for (std::string& name : features.names)
    name += ".jpg";
  return features;
}

/// A folder of the MegaFace kit's files.
inline void writeDevkitFeatures(const std::filesystem::path& folder, const std::string& ending,
                                const FeatureSet& features) {
  DevkitFolder files(folder, ending);
  files.add(features);
  files.commit();
}

}  // namespace sphereface
