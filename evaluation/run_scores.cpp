// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/run_scores.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <utility>
#include <vector>

#include "base/atomic_file.h"
#include "base/clock.h"
#include "base/error.h"
#include "evaluation/roc.h"
#include "model/checkpoint.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

constexpr size_t kCurvePoints = 200;

/// TAR at FARs that are evenly spaced on a logarithmic axis, from one false accept to all of them.
Json thinned(const std::vector<RocPoint>& roc, size_t negatives) {
  Json points = Json::array();
  const double lowest = std::log10(1.0 / static_cast<double>(negatives));
  for (size_t i = 0; i < kCurvePoints; ++i) {
    const double place = static_cast<double>(i) / static_cast<double>(kCurvePoints - 1);
    const double far = std::pow(10.0, lowest * (1 - place));
    points.push_back({far, tarAtFar(roc, far)});
  }
  return points;
}

Json thinned(const Curve& curve) {
  Json points = Json::array();
  const size_t step = std::max<size_t>(1, (curve.x.size() + kCurvePoints - 1) / kCurvePoints);
  for (size_t i = 0; i < curve.x.size(); i += step)
    points.push_back({curve.x[i], curve.y[i]});
  return points;
}

Json summary(const std::string& benchmark, const Json& whole,
             std::initializer_list<const char*> keys, Json roc) {
  Json scores = {{"benchmark", benchmark}};
  for (const char* key : keys)
    scores[key] = whole.at(key);
  scores["roc"] = std::move(roc);
  return scores;
}

}  // namespace

fs::path newestCheckpoint(const fs::path& run) {
  const std::vector<fs::path> checkpoints = listCheckpoints(run);
  if (checkpoints.empty()) throw Error(concat(run.string(), " has no committed checkpoint"));
  return checkpoints.back();
}

fs::path checkpointOfModel(const fs::path& run, const std::string& model_sha256) {
  for (const fs::path& checkpoint : listCheckpoints(run)) {
    if (modelChecksum(readCheckpointManifest(checkpoint)) == model_sha256) return checkpoint;
  }
  throw Error(concat("the features are of model ", model_sha256, ", which is none of ",
                     run.string(), "'s checkpoints"));
}

Json lfwScores(const LfwResult& result, const Json& whole) {
  const auto negatives =
      static_cast<size_t>(std::count(result.same.begin(), result.same.end(), false));
  return summary("lfw", whole,
                 {"protocol", "accuracy_mean", "accuracy_std", "auc", "eer", "tar_at_far", "pairs"},
                 thinned(result.roc, negatives));
}

Json megafaceScores(const MegafaceResult& result, const Json& whole) {
  return summary("megaface", whole, {"protocol", "rank1", "tar_at_far", "distractors"},
                 thinned(result.roc));
}

void appendScores(const fs::path& run, const fs::path& checkpoint, const Json& scores) {
  Json line = {{"time", unixTime()},
               {"step", readCheckpointManifest(checkpoint).step()},
               {"checkpoint", checkpoint.filename().string()}};
  line.update(scores);
  appendLine(run / "evaluations.jsonl", jsonText(line));
}

}  // namespace sphereface
