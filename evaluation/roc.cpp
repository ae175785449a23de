// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/roc.h"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <limits>

#include "base/error.h"

namespace sphereface {

std::vector<RocPoint> rocCurve(std::span<const double> same_scores,
                               std::span<const double> different_scores) {
  return rocCurve(same_scores, different_scores, different_scores.size());
}

std::vector<RocPoint> rocCurve(std::span<const double> same_scores,
                               std::span<const double> different_scores, uint64_t different_total) {
  if (same_scores.empty() || different_scores.empty()) {
    throw Error(concat("a ROC needs pairs of both kinds, got ", same_scores.size(), " same and ",
                       different_scores.size(), " different"));
  }
  std::vector<double> same(same_scores.begin(), same_scores.end());
  std::vector<double> different(different_scores.begin(), different_scores.end());
  std::sort(same.begin(), same.end(), std::greater<>());
  std::sort(different.begin(), different.end(), std::greater<>());
  const bool complete = different_total == different.size();
  std::vector<RocPoint> roc = {{std::numeric_limits<double>::infinity(), 0, 0}};
  size_t s = 0;
  size_t d = 0;
  while (s < same.size() || d < different.size()) {
    const double threshold = d == different.size() || (s < same.size() && same[s] > different[d])
                                 ? same[s]
                                 : different[d];
    if (!complete && threshold <= different.back()) break;
    while (s < same.size() && same[s] >= threshold)
      ++s;
    while (d < different.size() && different[d] >= threshold)
      ++d;
    roc.push_back({threshold, static_cast<double>(d) / static_cast<double>(different_total),
                   static_cast<double>(s) / static_cast<double>(same.size())});
  }
  return roc;
}

double rocArea(std::span<const RocPoint> roc) {
  double area = 0;
  for (size_t i = 1; i < roc.size(); ++i) {
    area += (roc[i].far - roc[i - 1].far) * (roc[i].tar + roc[i - 1].tar) / 2;
  }
  return area;
}

double equalErrorRate(std::span<const RocPoint> roc) {
  // far - (1 - tar) rises from -1 to 1 along the curve.
  for (size_t i = 1; i < roc.size(); ++i) {
    const double after = roc[i].far + roc[i].tar - 1;
    if (after < 0) continue;
    const double before = roc[i - 1].far + roc[i - 1].tar - 1;
    return roc[i - 1].far + (roc[i].far - roc[i - 1].far) * (-before / (after - before));
  }
  return 1;
}

double tarAtFar(std::span<const RocPoint> roc, double far) {
  double tar = 0;
  for (const RocPoint& point : roc) {
    if (point.far <= far) tar = std::max(tar, point.tar);
  }
  return tar;
}

}  // namespace sphereface
