// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// BLUFR, the benchmark of large-scale unconstrained face recognition on LFW (Liao, Lei, Yi, Li,
// IJCB 2014): in each of ten random trials
//
//   verification  all pairs of the trial's test images; verification rate (VR) at a FAR, by
//                 evaluation/roc.h;
//   open set      one image of each gallery person, genuine probes (of gallery people) and impostor
//                 probes (of others); detection and identification rate (DIR) at rank 1 and a
//                 FAR, by evaluation/open_set.h.
//
// Scores are cosines. Results are mean and sample standard deviation over the trials, and what the
// benchmark ranks by, mean - deviation.
//
// Trials are a JSON file, as the benchmark's own index lists come in another format:
//
//   {"images": ["Aaron_Eckhart/Aaron_Eckhart_0001.jpg", ...],
//    "trials": [{"test": [...], "gallery": [...], "genuine_probes": [...],
//                "impostor_probes": [...]}, ...]}
//
// with places in "images", counted from 0. An image's person is its folder.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"
#include "evaluation/feature_file.h"

namespace sphereface {

struct BlufrTrial {
  std::vector<size_t> test;
  std::vector<size_t> gallery;
  std::vector<size_t> genuine_probes;
  std::vector<size_t> impostor_probes;
};

struct BlufrTrials {
  std::vector<std::string> images;
  std::vector<BlufrTrial> trials;
  std::string sha256;  // of the file
};

/// errors: Error naming the file and the trial for a place outside the images, a person twice in a
/// gallery, a genuine probe of a person who isn't there, an impostor who is, or an empty list.
BlufrTrials readBlufrTrials(const std::filesystem::path& file);

inline constexpr std::array<double, 2> kBlufrVrFars = {1e-3, 1e-4};
inline constexpr std::array<double, 2> kBlufrDirFars = {1e-2, 1e-1};

/// Of one trial, in the order of the FARs above.
struct BlufrTrialResult {
  std::array<double, kBlufrVrFars.size()> vr{};
  std::array<double, kBlufrDirFars.size()> dir{};
  uint64_t same_pairs = 0;
  uint64_t different_pairs = 0;
  uint64_t people_in_pairs = 0;  // those with two test images or more
  uint64_t gallery_people = 0;
  uint64_t genuine_probes = 0;
  uint64_t impostor_probes = 0;
  bool all_scores_equal = false;  // of the test images
};

/// Shows progress. errors: Error when an image has no feature, or one without a direction.
std::vector<BlufrTrialResult> evaluateBlufr(const BlufrTrials& trials, const FeatureSet& features,
                                            size_t threads);

/// For people, in percent. Each mean has its interval (evaluation/told_rate.h), by as many trials
/// as the trial with the fewest has people: pairs and probes of one person aren't independent, and
/// the trials are of the same people. A rate that a trial can't tell is "n/a: needs ...".
std::string blufrTable(const std::vector<BlufrTrialResult>& results);

/// For programs, in fractions; null with its "reason" where a trial can't tell the rate.
Json blufrJson(const std::vector<BlufrTrialResult>& results, const BlufrTrials& trials,
               const FeatureSet& features);

}  // namespace sphereface
