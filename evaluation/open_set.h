// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Open-set identification: a gallery of some people, probes of them and of others.
//
//   genuine probes   other images of the gallery's people
//   impostor probes  all images of people who aren't in the gallery
//   score            the cosine with the person it resembles most (evaluation/face_gallery.h)
//   FAR(t)           share of the impostor probes with score >= t
//   DIR(t)           share of the genuine probes with score >= t whose best match is who they are
//                    (detection and identification rate at rank 1)
//
// DIR at FAR x is the highest DIR of the thresholds with FAR <= x, no interpolation. Gallery and
// images are drawn anew several times.

#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "evaluation/feature_file.h"

namespace sphereface {

struct OpenSetOptions {
  size_t gallery_people = 0;  // 0: half of those who have enough images
  size_t photographs = 1;     // of each in the gallery
  size_t draws = 10;
  uint64_t seed = 1;
  size_t threads = 1;
};

struct OpenSetProbe {
  double score = 0;
  bool is_genuine = false;
  bool is_right = false;  // of a genuine one: the best match is who it is
};

struct OpenSetRate {
  double dir = 0;
  double far = 0;        // reached, at most the one asked for
  double threshold = 0;  // accepted from here on; infinite where none has so low a FAR
};

/// requires: probes of both kinds.
OpenSetRate dirAtFar(std::span<const OpenSetProbe> probes, double far);

struct OpenSetResult {
  struct AtFar {
    double asked = 0;
    std::vector<OpenSetRate> draws;
  };
  size_t gallery_people = 0;
  size_t photographs = 0;
  std::vector<size_t> genuine;  // probes of each draw
  std::vector<size_t> impostors;
  // Of each draw the share of genuine probes whose best match is right, accepted or not.
  std::vector<double> rank1;
  std::vector<AtFar> at_far;  // also those that so few impostors can't tell
  bool all_scores_equal = true;
};

/// The false alarm rates that results list.
inline constexpr double kOpenSetFars[] = {0.001, 0.01, 0.1};

/// errors: Error when there are too few people with more than `photographs` images, or nobody is
/// left to be an impostor.
OpenSetResult evaluateOpenSet(const FeatureSet& features, const OpenSetOptions& options);

/// Mean and sample standard deviation over the draws, in percent, for people, with the mean's
/// interval (evaluation/told_rate.h) by as many trials as the gallery has people; "n/a: needs ..."
/// for a FAR that the impostors of a draw can't tell.
std::string openSetTable(const OpenSetResult& result);

/// The same in fractions, with the features' model, for programs. A rate that can't be told is null
/// with its "reason", its threshold too; a threshold is also null when a draw has none.
Json openSetJson(const OpenSetResult& result, const FeatureSet& features);

/// The mean threshold that such a result, written to `file`, has for false alarm rate `far`.
/// errors: Error when it is of another model, when its mirror image entered in another way, or when
/// it has no such rate or no threshold for it.
double openSetThreshold(const std::filesystem::path& file, double far,
                        const std::string& model_sha256, const std::string& mirror);

}  // namespace sphereface
