// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/synth/synth_pairs.h"

#include <algorithm>
#include <set>
#include <sstream>
#include <tuple>

#include "base/error.h"
#include "base/random.h"
#include "data/synth/synth.h"

namespace sphereface {
namespace {

/// Keeps these numbers apart from those of identities and pictures.
constexpr uint64_t kPairStream = 0x1e;

uint64_t firstOfFold(const PairsOptions& options, uint64_t fold) {
  return options.first_identity + options.identities * fold / options.folds;
}

}  // namespace

uint64_t pairsPerFold(const PairsOptions& options) {
  if (options.folds == 0 || options.pairs_per_fold == 0) {
    throw UsageError("pairs: there must be at least one fold and one pair");
  }
  // Folds differ by at most one person; the smallest decides.
  const uint64_t people = options.identities / options.folds;
  const uint64_t images = options.images_per_identity;
  if (people < 2 || images < 2) {
    throw UsageError(concat("pairs: ", options.folds, " folds need at least ", 2 * options.folds,
                            " identities of 2 images, not ", options.identities, " of ", images));
  }
  const uint64_t matched = people * (images * (images - 1) / 2);
  const uint64_t mismatched = people * (people - 1) / 2 * images * images;
  return std::min({options.pairs_per_fold, matched, mismatched});
}

std::string makePairs(const PairsOptions& options) {
  const uint64_t pairs = pairsPerFold(options);
  const uint64_t images = options.images_per_identity;
  std::ostringstream text;
  text << options.folds << '\t' << pairs << '\n';
  for (uint64_t fold = 0; fold < options.folds; ++fold) {
    Random random(options.seed, kPairStream, fold);
    const uint64_t first = firstOfFold(options, fold);
    const uint64_t people = firstOfFold(options, fold + 1) - first;
    std::set<std::tuple<uint64_t, uint64_t, uint64_t>> matched;
    while (matched.size() < pairs) {
      const uint64_t person = first + random.below(people);
      const uint64_t i = 1 + random.below(images);
      const uint64_t j = 1 + random.below(images);
      if (i < j) matched.emplace(person, i, j);
    }
    std::set<std::tuple<uint64_t, uint64_t, uint64_t, uint64_t>> mismatched;
    while (mismatched.size() < pairs) {
      const uint64_t one = first + random.below(people);
      const uint64_t i = 1 + random.below(images);
      const uint64_t other = first + random.below(people);
      const uint64_t j = 1 + random.below(images);
      if (one < other) mismatched.emplace(one, i, other, j);
    }
    for (const auto& [person, i, j] : matched) {
      text << synthIdentityName(person) << '\t' << i << '\t' << j << '\n';
    }
    for (const auto& [one, i, other, j] : mismatched) {
      text << synthIdentityName(one) << '\t' << i << '\t' << synthIdentityName(other) << '\t' << j
           << '\n';
    }
  }
  return std::move(text).str();
}

}  // namespace sphereface
