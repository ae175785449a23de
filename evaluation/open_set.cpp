// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/open_set.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>

#include "base/error.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "base/random.h"
#include "evaluation/face_gallery.h"
#include "evaluation/feature_classes.h"

namespace sphereface {
namespace {

using Rows = std::vector<size_t>;

/// Image `row`, whose person is number `person` of the gallery, or one behind it.
struct Probe {
  size_t row = 0;
  size_t person = 0;
};

/// The first `gallery_people` of `people` are enrolled with their first images.
std::vector<OpenSetProbe> scoreDraw(const FeatureSet& features, std::span<const Rows> people,
                                    const OpenSetOptions& options) {
  FaceGallery gallery(features.dim);
  std::vector<Probe> probes;
  for (size_t person = 0; person < people.size(); ++person) {
    std::span<const size_t> rows = people[person];
    if (person < options.gallery_people) {
      std::vector<float> enrolled;
      for (const size_t row : rows.first(options.photographs))
        enrolled.insert(enrolled.end(), features.row(row).begin(), features.row(row).end());
      gallery.add(features.names[rows.front()], enrolled);
      rows = rows.subspan(options.photographs);
    }
    for (const size_t row : rows)
      probes.push_back({row, person});
  }
  std::vector<OpenSetProbe> scored(probes.size());
  parallelFor(probes.size(), options.threads, [&](size_t i) {
    const Match match = gallery.match(features.row(probes[i].row));
    scored[i] = {match.score, probes[i].person < options.gallery_people,
                 probes[i].person == match.person};
  });
  return scored;
}

/// The people with their images, in random order, those with enough images for the gallery first.
std::vector<Rows> drawPeople(const std::vector<Rows>& people, size_t photographs, Random& random) {
  std::vector<Rows> drawn = people;
  shuffle(drawn, random);
  for (Rows& rows : drawn)
    shuffle(rows, random);
  std::stable_partition(drawn.begin(), drawn.end(),
                        [&](const Rows& rows) { return rows.size() > photographs; });
  return drawn;
}

}  // namespace

OpenSetRate dirAtFar(std::span<const OpenSetProbe> probes, double far) {
  std::vector<double> impostors;
  size_t genuine = 0;
  for (const OpenSetProbe& probe : probes) {
    if (probe.is_genuine) {
      ++genuine;
    } else {
      impostors.push_back(probe.score);
    }
  }
  std::sort(impostors.begin(), impostors.end(), std::greater<>());
  const auto total = static_cast<double>(impostors.size());
  auto allowed = static_cast<size_t>(far * total);
  // The product may be a rounding below an integer.
  if (static_cast<double>(allowed + 1) / total <= far) ++allowed;
  // Accepted are the scores above the first impostor's that may not be; the threshold is the
  // lowest of them.
  const double above =
      allowed < impostors.size() ? impostors[allowed] : -std::numeric_limits<double>::infinity();
  OpenSetRate rate;
  rate.threshold = std::numeric_limits<double>::infinity();
  size_t right = 0;
  size_t alarms = 0;
  for (const OpenSetProbe& probe : probes) {
    if (probe.score <= above) continue;
    rate.threshold = std::min(rate.threshold, probe.score);
    if (!probe.is_genuine) ++alarms;
    if (probe.is_genuine && probe.is_right) ++right;
  }
  rate.dir = static_cast<double>(right) / static_cast<double>(genuine);
  rate.far = static_cast<double>(alarms) / total;
  return rate;
}

OpenSetResult evaluateOpenSet(const FeatureSet& features, const OpenSetOptions& options) {
  std::vector<Rows> people;
  size_t enough = 0;
  for (auto& [name, rows] : rowsOfClasses(features)) {
    if (rows.size() > options.photographs) ++enough;
    people.push_back(rows);
  }
  OpenSetOptions drawn = options;
  if (drawn.gallery_people == 0) drawn.gallery_people = enough / 2;
  if (drawn.gallery_people == 0 || drawn.gallery_people > enough ||
      drawn.gallery_people == people.size()) {
    throw Error(concat("a gallery of ", options.gallery_people, " people with ",
                       options.photographs, " photographs each isn't possible: of ", people.size(),
                       " people ", enough,
                       " have more images than that, and somebody must be left outside"));
  }
  OpenSetResult result;
  result.gallery_people = drawn.gallery_people;
  result.photographs = options.photographs;
  for (const double far : kOpenSetFars)
    result.at_far.push_back({far, {}});
  Progress progress("open set", options.draws, "draws");
  for (size_t draw = 0; draw < options.draws; ++draw) {
    Random random(options.seed, draw);
    const std::vector<OpenSetProbe> probes =
        scoreDraw(features, drawPeople(people, options.photographs, random), drawn);
    const auto genuine = static_cast<size_t>(
        std::count_if(probes.begin(), probes.end(), [](const auto& p) { return p.is_genuine; }));
    const auto right =
        std::count_if(probes.begin(), probes.end(), [](const auto& p) { return p.is_right; });
    result.genuine.push_back(genuine);
    result.impostors.push_back(probes.size() - genuine);
    result.rank1.push_back(static_cast<double>(right) / static_cast<double>(genuine));
    for (OpenSetResult::AtFar& at_far : result.at_far)
      at_far.draws.push_back(dirAtFar(probes, at_far.asked));
    progress.add();
  }
  return result;
}

}  // namespace sphereface
