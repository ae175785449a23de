// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Pairs of thumbnails that show the same photograph, among a million.
//
// Likeness is the correlation of the grey levels (1: equal up to brightness and contrast). Aligned
// faces are all alike, so hashes of single images crowd together: thumbnails are first whitened,
// taken apart along the 24 directions in which this data set varies most, each scaled to the same
// spread. There 20 random hyperplanes through the mean make a code of 20 bits; two thumbnails of
// one photograph fall on the same side of all of them in at least one of 16 such tables nearly
// always. Only thumbnails that share a code are compared.
//
// cost: for n thumbnails 16 n codes and, with the codes spread as measured on aligned celebrity
// photographs, 16 n * 1.3e-5 n comparisons; never more than 16 * 64 n.

#pragma once

#include <cstddef>
#include <vector>

#include "doctor/record_scan.h"

namespace sphereface::doctor {

struct LikePair {
  size_t first = 0;  // indices of the thumbnails, first < second
  size_t second = 0;
  double likeness = 0;
};

/// Correlation of the grey levels; 0 when one of them has none.
double likeness(const Thumbnail& a, const Thumbnail& b);

/// Pairs of at least this likeness, each once, by (first, second). Of a crowd of equal thumbnails
/// not all pairs are listed, but every member is in one.
std::vector<LikePair> findLikePairs(const std::vector<Thumbnail>& thumbnails, double at_least);

}  // namespace sphereface::doctor
