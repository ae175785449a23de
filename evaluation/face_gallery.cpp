// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/face_gallery.h"

#include <limits>

namespace sphereface {

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
  const size_t panels = panels_.size() / (Scorer::kPanel * dim());
  std::vector<float> scores(panels * Scorer::kPanel);
  scorer_.score(unit.data(), 1, panels_.data(), panels, scores.data(), scores.size());
  Match match;
  match.score = match.runner_up_score = -std::numeric_limits<double>::infinity();
  for (size_t person = 0; person < size(); ++person) {
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

}  // namespace sphereface
