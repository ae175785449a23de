// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The same photograph more than once: within an identity it weighs double, under two identities one
// of the labels is wrong.

#pragma once

#include <vector>

#include "doctor/finding.h"
#include "doctor/near_duplicates.h"
#include "doctor/record_scan.h"

namespace sphereface::doctor {

/// From this likeness on two thumbnails are taken for one photograph. Of 6,229 aligned photographs
/// of 299 people, the pairs of different people that are one photograph (15, looked at) have 0.990
/// and more, all other pairs of different people 0.974 and less.
constexpr double kSamePhotograph = 0.985;

/// Stored images that are equal byte for byte. `bytes` reads them, to be sure of equal hashes.
using BytesOf = std::function<std::string(uint64_t)>;
Finding duplicatesFinding(const StoredFacts& facts, const DatasetManifest& manifest,
                          const KeyOf& key, const BytesOf& bytes);

/// Pairs of findLikePairs(), whose indices are those of facts.images.
Finding nearDuplicatesFinding(const ImageFacts& facts, const DatasetManifest& manifest,
                              const std::vector<LikePair>& pairs, const KeyOf& key);

}  // namespace sphereface::doctor
