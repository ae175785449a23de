// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/open_set.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <utility>

#include "base/error.h"
#include "base/progress.h"
#include "base/random.h"
#include "evaluation/face_gallery.h"
#include "evaluation/told_rate.h"
#include "report/numbers.h"
#include "report/text_table.h"

namespace sphereface {
namespace {

using Rows = std::vector<size_t>;

/// The first `gallery_people` of `people` are enrolled with their first images.
std::vector<OpenSetProbe> scoreDraw(const FeatureSet& features, std::span<const Rows> people,
                                    const OpenSetOptions& options) {
  FaceGallery gallery(features.dim);
  std::vector<size_t> probe_rows;
  std::vector<size_t> probe_people;  // numbers in the gallery, or behind it
  for (size_t person = 0; person < people.size(); ++person) {
    std::span<const size_t> rows = people[person];
    if (person < options.gallery_people) {
      std::vector<float> enrolled;
      for (const size_t row : rows.first(options.photographs))
        enrolled.insert(enrolled.end(), features.row(row).begin(), features.row(row).end());
      gallery.add(features.names[rows.front()], enrolled);
      rows = rows.subspan(options.photographs);
    }
    probe_rows.insert(probe_rows.end(), rows.begin(), rows.end());
    probe_people.insert(probe_people.end(), rows.size(), person);
  }
  const std::vector<Match> matches = gallery.matchAll(features, probe_rows, options.threads);
  std::vector<OpenSetProbe> scored;
  scored.reserve(matches.size());
  for (size_t i = 0; i < matches.size(); ++i) {
    const size_t person = probe_people[i];
    scored.push_back(
        {matches[i].score, person < options.gallery_people, person == matches[i].person});
  }
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

/// What the draws' rates at FAR x are told by: the draw with the fewest impostors.
ScoresOfKinds scoresOf(const OpenSetResult& result) {
  return {*std::min_element(result.genuine.begin(), result.genuine.end()),
          *std::min_element(result.impostors.begin(), result.impostors.end()),
          result.all_scores_equal};
}

/// A person's probes are no independent trials, and the draws are of the same people: as many
/// trials as the gallery has people.
ToldRate told(const OpenSetResult& result, double far, double rate) {
  return tell(whyUntold(scoresOf(result), far), rate, static_cast<double>(result.gallery_people));
}

Spread spreadOfDraws(const OpenSetResult::AtFar& at_far, double OpenSetRate::*number) {
  std::vector<double> values;
  for (const OpenSetRate& rate : at_far.draws)
    values.push_back(rate.*number);
  return spreadOf(values);
}

std::vector<std::string> warningsOf(const OpenSetResult& result) {
  if (!result.all_scores_equal) return {};
  return {"all probes have one score: the features tell nobody apart"};
}

double mean(const std::vector<size_t>& counts) {
  return spreadOf(std::vector<double>(counts.begin(), counts.end())).mean;
}

/// One draw has no deviation.
Json deviationJson(const Spread& spread, size_t draws) {
  return draws > 1 ? Json(spread.sample_deviation) : Json();
}

Json rateJson(const ToldRate& told, const Spread& spread, size_t draws) {
  return {{"mean", rateJson(told)},
          {"sample_std", told.rate ? deviationJson(spread, draws) : Json()},
          {"interval", intervalJson(told)}};
}

/// "97.10 +- 0.52 %, 95 %: 91.21 .. 99.10 %", or why there is none.
std::string rateWithSpread(const ToldRate& told, const Spread& spread, size_t draws) {
  if (!told.rate) return "n/a: " + told.reason;
  return concat(fixed(100 * spread.mean, 2),
                draws > 1 ? concat(" +- ", fixed(100 * spread.sample_deviation, 2)) : "",
                " %, 95 %: ", intervalText(told));
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
    result.all_scores_equal = result.all_scores_equal &&
                              std::all_of(probes.begin(), probes.end(), [&](const OpenSetProbe& p) {
                                return p.score == probes[0].score;
                              });
    result.genuine.push_back(genuine);
    result.impostors.push_back(probes.size() - genuine);
    result.rank1.push_back(static_cast<double>(right) / static_cast<double>(genuine));
    for (OpenSetResult::AtFar& at_far : result.at_far)
      at_far.draws.push_back(dirAtFar(probes, at_far.asked));
    progress.add();
  }
  return result;
}

std::string openSetTable(const OpenSetResult& result) {
  const size_t draws = result.rank1.size();
  TextTable table({9, 12, -2, 0});
  table.row({"FAR <=", "threshold", "", "DIR"});
  for (const OpenSetResult::AtFar& at_far : result.at_far) {
    const Spread dir = spreadOfDraws(at_far, &OpenSetRate::dir);
    const double threshold = spreadOfDraws(at_far, &OpenSetRate::threshold).mean;
    const ToldRate rate = told(result, at_far.asked, dir.mean);
    const bool has_threshold = rate.rate && std::isfinite(threshold);
    table.row({percent(at_far.asked), has_threshold ? fixed(threshold, 4) : "none", "",
               rateWithSpread(rate, dir, draws)});
  }
  const Spread rank1 = spreadOf(result.rank1);
  return concat("gallery of ", result.gallery_people, " people, ", result.photographs,
                " photograph", result.photographs == 1 ? "" : "s", " each; ",
                fixed(mean(result.genuine), 0), " probes of them, ",
                fixed(mean(result.impostors), 0), " of others; ", draws,
                draws == 1 ? " draw" : " draws", "\n\nrank 1 without a threshold  ",
                rateWithSpread(told(result, 1, rank1.mean), rank1, draws), "\n\n", table.text(),
                warningText(warningsOf(result)));
}

Json openSetJson(const OpenSetResult& result, const FeatureSet& features) {
  const size_t draws = result.rank1.size();
  const Spread rank1 = spreadOf(result.rank1);
  Json json = {{"gallery_people", result.gallery_people},
               {"photographs", result.photographs},
               {"draws", draws},
               {"genuine_probes", mean(result.genuine)},
               {"impostor_probes", mean(result.impostors)},
               {"rank1", rateJson(told(result, 1, rank1.mean), rank1, draws)}};
  json["at_far"] = Json::array();
  for (const OpenSetResult::AtFar& at_far : result.at_far) {
    const Spread dir = spreadOfDraws(at_far, &OpenSetRate::dir);
    const Spread threshold = spreadOfDraws(at_far, &OpenSetRate::threshold);
    const ToldRate rate = told(result, at_far.asked, dir.mean);
    Json entry = {{"far", at_far.asked}, {"dir", rateJson(rate, dir, draws)}};
    entry["threshold"] = {{"mean", rate.rate ? Json(threshold.mean) : Json()},
                          {"sample_std", rate.rate ? deviationJson(threshold, draws) : Json()}};
    if (!rate.rate) entry["reason"] = rate.reason;
    json["at_far"].push_back(entry);
  }
  json["warnings"] = warningsOf(result);
  json["mirror"] = features.mirror;
  json["model_sha256"] = features.model_sha256;
  return json;
}

double openSetThreshold(const std::filesystem::path& file, double far,
                        const std::string& model_sha256, const std::string& mirror) {
  const Json json = readJsonFile(file);
  try {
    if (json.at("model_sha256") != model_sha256) {
      throw Error(concat(file.string(), " was measured with the model ",
                         json.at("model_sha256").get<std::string>(), ", the checkpoint has ",
                         model_sha256));
    }
    if (json.at("mirror") != mirror) {
      throw Error(concat(file.string(), " was measured with --mirror ",
                         json.at("mirror").get<std::string>(), ", not ", mirror));
    }
    for (const Json& rate : json.at("at_far")) {
      if (rate.at("far") != far) continue;
      if (const Json* reason = rate.find("reason")) {
        throw Error(concat(file.string(), " has no threshold for a false alarm rate of ", far, ": ",
                           reason->text()));
      }
      return rate.at("threshold").at("mean").get<double>();
    }
  } catch (const JsonError&) {
    throw Error(concat(file.string(),
                       ": not a result of `evaluate open-set` with a threshold for "
                       "a false alarm rate of ",
                       far));
  }
  throw Error(concat(file.string(), " has no false alarm rate ", far));
}

}  // namespace sphereface
