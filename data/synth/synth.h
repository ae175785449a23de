// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// A folder of procedural faces, named and aligned like a folder of photographs after `align`, so
// that everything can be tried without a data set.

#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/parallel.h"
#include "data/synth/variation.h"

namespace sphereface {

struct SynthOptions {
  std::filesystem::path out;
  uint64_t identities = 100;
  uint64_t images_per_identity = 20;
  uint64_t seed = 1;
  /// The identities are number first_identity .. first_identity + identities - 1: disjoint ranges
  /// give disjoint people.
  uint64_t first_identity = 0;
  NuisanceStrengths strengths;
  size_t threads = availableThreads();
};

/// "id_00042", name of the identity's folder and beginning of its images' names.
std::string synthIdentityName(uint64_t identity);

/// Writes out/NAME/NAME_0001.jpg .. , and out/landmarks.tsv, which says that they are aligned
/// (data/align/aligned_list.h). A picture depends on seed, identity and its number alone.
/// ensures: `out` is complete, or as it was.
/// errors: Error when `out` exists and isn't empty, or can't be written.
void writeSyntheticFaces(const SynthOptions& options);

}  // namespace sphereface
