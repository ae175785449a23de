// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// MegaFace: finding a person's other image among distractors, and verification against them.
//
// Identification. Each ordered pair (i, j) of different images of one person is a search: i is the
// probe, and the gallery is its mate j and all distractors. Its rank is 1 + the number of
// distractors that score strictly higher with i than j does. CMC at rank r: the share of searches
// with at most that rank.
//
// Verification. Positives are all unordered pairs of different images of one person. Negatives are
// the scores of probes with distractors: of all probes, or in devkit mode of the first 100 only.
// TAR at FAR x is read off as evaluation/roc.h and evaluation/devkit_curves.h say.
//
// Default: cosine, every score counted. Devkit mode: the development kit's score
// (evaluation/scorer.h: minus the squared distance, so features that aren't unit vectors rank
// differently) and its curves, "traditional_cmc" with its mistake included. (With fewer than 100
// probes the kit crashes; here all of them are counted.)

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "evaluation/devkit_curves.h"
#include "evaluation/feature_source.h"
#include "evaluation/megaface_list.h"
#include "evaluation/rank_group.h"
#include "evaluation/score_scan.h"

namespace sphereface {

struct MegafaceProbes {
  MegafaceList list;
  std::vector<std::vector<size_t>> people;  // the images of each in list order; people by their ids
  std::vector<float> prepared;              // [n][depth]
};

/// errors: Error naming a feature that can't be used, or when no person has two images.
MegafaceProbes prepareProbes(const Scorer& scorer, const MegafaceList& list,
                             const FeatureSource& features);

struct MegafaceOptions {
  bool devkit = false;
  size_t threads = 1;
  Device device = Device::kCpu;
  size_t memory_bytes = size_t{1} << 30;  // of each rank
};

inline constexpr std::array<double, 3> kMegafaceFars = {1e-6, 1e-5, 1e-4};

/// The devkit's "matches" of one probe.
struct MegafaceMatches {
  std::vector<Neighbour> distractors;  // the five best
  std::vector<size_t> mates;           // the person's other images in list order
  std::vector<uint64_t> mate_ranks;  // distractors above this probe when that image searches for it
};

/// Two images, by their paths in the lists.
struct ScoredPair {
  std::string left;
  std::string right;
  double score = 0;
};

/// What one person's searches and pairs gave.
struct MegafacePerson {
  std::vector<uint64_t> above;  // of each search: distractors above the mate
  uint64_t positives = 0;
  std::array<uint64_t, kMegafaceFars.size()> accepted{};  // positives, at each FAR's threshold
};

struct MegafaceResult {
  size_t probes = 0;
  size_t people = 0;
  size_t distractors = 0;
  uint64_t searches = 0;              // ordered pairs
  std::vector<uint64_t> rank_counts;  // of searches with 0, 1, ..., distractors above the mate
  std::vector<double> positives;      // scores of the unordered pairs
  uint64_t negatives = 0;             // how many scores
  /// Also of FARs that so few negatives can't tell (evaluation/told_rate.h).
  std::array<double, kMegafaceFars.size()> tar_at_far{};
  bool all_scores_equal = false;
  std::vector<MegafacePerson> by_person;

  /// x = distractors above the mate, so that x = 0 is rank 1; y = share of searches.
  Curve cmc;
  Curve roc;  // x = FAR, y = TAR; by default to FAR 1e-4 or, with few negatives, to 1
  std::optional<Curve> traditional_cmc;  // devkit mode
  std::vector<MegafaceMatches> matches;  // of each probe

  /// The hardest pairs, a dozen of each: of the probes and their best distractors those that are
  /// most alike, and of the images of one person those that are least.
  std::vector<ScoredPair> nearest_distractors;
  std::vector<ScoredPair> farthest_mates;

  /// The share of searches that end at this rank or a better one. requires: rank > 0.
  double rateAtRank(size_t rank) const;
};

/// The distractors are divided among the ranks; the result is rank 0's, others get none.
/// errors: UsageError when memory_bytes is too little, with what is needed; Error naming a feature
/// that can't be read or used.
MegafaceResult evaluateMegaface(const Scorer& scorer, const MegafaceProbes& probes,
                                const FeatureSource& distractors, const MegafaceOptions& options,
                                RankGroup& ranks);

}  // namespace sphereface
