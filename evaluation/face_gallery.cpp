// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/face_gallery.h"

#include <algorithm>
#include <limits>
#include <memory>

#include "base/parallel.h"

namespace sphereface {
namespace {

/// Of the scores with each person.
Match bestOf(std::span<const float> scores) {
  Match match;
  match.score = match.runner_up_score = -std::numeric_limits<double>::infinity();
  for (size_t person = 0; person < scores.size(); ++person) {
    const double score = scores[person];
    if (score > match.score) {
      if (person > 0) {
        match.runner_up = match.person;
        match.runner_up_score = match.score;
      }
      match.person = person;
      match.score = score;
    } else if (score > match.runner_up_score) {
      match.runner_up = person;
      match.runner_up_score = score;
    }
  }
  return match;
}

}  // namespace

void addUnit(std::span<const float> feature, const std::string& name, std::span<float> sum) {
  std::vector<float> unit(feature.size());
  Scorer(Similarity::kCosine, feature.size()).prepare(feature, name, unit.data());
  for (size_t i = 0; i < unit.size(); ++i)
    sum[i] += unit[i];
}

void FaceGallery::add(const std::string& name, std::span<const float> features) {
  std::vector<float> sum(dim());
  for (size_t begin = 0; begin < features.size(); begin += dim())
    addUnit(features.subspan(begin, dim()), name, sum);
  std::vector<float> person(dim());
  scorer_.prepare(sum, name, person.data());
  if (size() % Scorer::kPanel == 0) {
    last_.clear();
    panels_.resize(panels_.size() + Scorer::kPanel * dim());
  }
  names_.push_back(name);
  last_.insert(last_.end(), person.begin(), person.end());
  scorer_.pack(last_.data(), last_.size() / dim(),
               panels_.data() + panels_.size() - Scorer::kPanel * dim());
}

Match FaceGallery::match(std::span<const float> feature) const {
  std::vector<float> unit(dim());
  scorer_.prepare(feature, "face", unit.data());
  std::vector<float> scores(panels() * Scorer::kPanel);
  scorer_.score(unit.data(), 1, panels_.data(), panels(), scores.data(), scores.size());
  return bestOf(std::span(scores).first(size()));
}

std::vector<Match> FaceGallery::matchAll(const FeatureSet& features, std::span<const size_t> rows,
                                         size_t threads) const {
  constexpr size_t kRows = 48;
  const size_t columns = panels() * Scorer::kPanel;
  std::vector<Match> matches(rows.size());
  parallelFor((rows.size() + kRows - 1) / kRows, threads, [&](size_t task) {
    const size_t first = task * kRows;
    const size_t count = std::min(kRows, rows.size() - first);
    std::vector<float> units(count * dim());
    for (size_t r = 0; r < count; ++r) {
      const size_t row = rows[first + r];
      scorer_.prepare(features.row(row), features.names[row], units.data() + r * dim());
    }
    const auto scores = std::make_unique_for_overwrite<float[]>(count * columns);
    scorer_.score(units.data(), count, panels_.data(), panels(), scores.get(), columns);
    for (size_t r = 0; r < count; ++r)
      matches[first + r] = bestOf(std::span<const float>(scores.get() + r * columns, size()));
  });
  return matches;
}

}  // namespace sphereface
