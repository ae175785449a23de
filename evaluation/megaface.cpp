// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/megaface.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <numeric>
#include <utility>

#include "base/aligned_buffer.h"
#include "base/error.h"
#include "base/parallel.h"
#include "evaluation/roc.h"
#include "evaluation/score_scan.h"
#include "evaluation/scorer.h"

namespace sphereface {
namespace {

constexpr size_t kNamedDistractors = 5;  // in "matches"
constexpr size_t kDevkitRows = 100;      // probes whose scores are the devkit's negatives
constexpr size_t kDevkitTrials = 10;     // of "traditional_cmc"
/// A curve of the default mode has a point wherever it rose by as much.
constexpr double kLeastRise = 0.001;
/// With up to so many negatives the whole ROC is exact; with more, down from this FAR. (One thread
/// sorts what is kept while the others wait.)
constexpr uint64_t kCompleteRoc = 1 << 20;
constexpr double kHighestFar = kMegafaceFars.back();
constexpr size_t kMostColumns = 4096;  // more in memory at a time gains nothing
constexpr size_t kHardPairs = 12;
constexpr size_t kNobody = std::numeric_limits<size_t>::max();

/// One draw of gallery images for "traditional_cmc".
struct Trial {
  std::vector<size_t> gallery;   // of each person, the image drawn
  std::vector<size_t> position;  // of each image among the trial's probes; kNobody for the drawn
};

std::vector<Trial> drawTrials(const MegafaceProbes& probes) {
  std::vector<Trial> trials(kDevkitTrials);
  DevkitDraw draw;
  for (Trial& trial : trials) {
    trial.position.assign(probes.list.paths.size(), kNobody);
    size_t position = 0;
    for (const std::vector<size_t>& images : probes.people) {
      trial.gallery.push_back(images[draw.below(images.size())]);
      for (const size_t image : images) {
        if (image != trial.gallery.back()) trial.position[image] = position++;
      }
    }
  }
  return trials;
}

/// What is asked of the distractors' scores.
struct Questions {
  // Of probe i the searches first[i] .. first[i + 1] - 1: its mates in list order. Behind them
  // those of the trials.
  std::vector<size_t> first;
  std::vector<CountQuery> queries;
  std::vector<float> positives;  // scores of unordered pairs
  std::vector<size_t> person_of_positive;
  std::vector<uint64_t> trial_gallery;  // of each trial query: other people's images above the mate
};

std::vector<size_t> personOf(const MegafaceProbes& probes) {
  std::vector<size_t> person(probes.list.paths.size());
  for (size_t p = 0; p < probes.people.size(); ++p) {
    for (const size_t image : probes.people[p])
      person[image] = p;
  }
  return person;
}

Questions askQuestions(const Scorer& scorer, const MegafaceProbes& probes,
                       const std::vector<Trial>& trials, size_t threads) {
  const size_t count = probes.list.paths.size();
  const std::vector<size_t> person = personOf(probes);
  Questions questions;
  questions.first.push_back(0);
  for (size_t i = 0; i < count; ++i)
    questions.first.push_back(questions.first.back() + probes.people[person[i]].size() - 1);
  const size_t searches = questions.first.back();
  const size_t trial_probes = count - probes.people.size();
  questions.queries.resize(searches + trials.size() * trial_probes);
  questions.trial_gallery.resize(trials.size() * trial_probes);
  scoreEachOther(scorer, probes.prepared, threads, [&](size_t i, std::span<const float> scores) {
    size_t next = questions.first[i];
    for (const size_t mate : probes.people[person[i]]) {
      if (mate != i) questions.queries[next++] = {i, scores[mate], 0};
    }
    for (size_t t = 0; t < trials.size(); ++t) {
      const size_t position = trials[t].position[i];
      if (position == kNobody) continue;
      const float mate = scores[trials[t].gallery[person[i]]];
      // The kit looks the distractors' scores up in the row of the probe's position.
      const size_t at = t * trial_probes + position;
      questions.queries[searches + at] = {position, mate, 0};
      questions.trial_gallery[at] =
          static_cast<uint64_t>(std::count_if(trials[t].gallery.begin(), trials[t].gallery.end(),
                                              [&](size_t image) { return scores[image] > mate; }));
    }
  });
  for (size_t i = 0; i < count; ++i) {
    size_t next = questions.first[i];
    for (const size_t mate : probes.people[person[i]]) {
      if (mate == i) continue;
      if (mate > i) {
        questions.positives.push_back(questions.queries[next].threshold);
        questions.person_of_positive.push_back(person[i]);
      }
      ++next;
    }
  }
  return questions;
}

Curve cmcOf(std::span<const uint64_t> counts, uint64_t searches) {
  Curve curve;
  uint64_t found = 0;
  double before = -1;
  for (size_t k = 0; k < counts.size(); ++k) {
    found += counts[k];
    const double rate = static_cast<double>(found) / static_cast<double>(searches);
    if (rate - before < kLeastRise && k + 1 < counts.size()) continue;
    curve.x.push_back(static_cast<double>(k));
    curve.y.push_back(rate);
    before = rate;
  }
  return curve;
}

Curve curveOf(std::span<const RocPoint> roc) {
  Curve curve;
  double before = -1;
  for (size_t i = 0; i < roc.size(); ++i) {
    // Of points with one FAR the last, which is the highest.
    if (i + 1 < roc.size() && (roc[i + 1].far == roc[i].far || roc[i].tar - before < kLeastRise)) {
      continue;
    }
    curve.x.push_back(roc[i].far);
    curve.y.push_back(roc[i].tar);
    before = roc[i].tar;
  }
  return curve;
}

/// By whether each positive, in the order of `positives`, is accepted at a FAR.
template <class IsAccepted>
void countAccepted(size_t far, const std::vector<size_t>& person_of_positive,
                   const IsAccepted& is_accepted, MegafaceResult& result) {
  for (size_t p = 0; p < person_of_positive.size(); ++p) {
    if (is_accepted(p)) ++result.by_person[person_of_positive[p]].accepted[far];
  }
}

void takeFullVerification(const Questions& questions, const ScanResult& scan,
                          MegafaceResult& result) {
  const std::vector<double> different(scan.largest.begin(), scan.largest.end());
  const std::vector<RocPoint> roc = rocCurve(result.positives, different, result.negatives);
  for (size_t i = 0; i < kMegafaceFars.size(); ++i) {
    result.tar_at_far[i] = tarAtFar(roc, kMegafaceFars[i]);
    double threshold = roc.front().threshold;
    for (const RocPoint& point : roc) {
      if (point.far <= kMegafaceFars[i]) threshold = point.threshold;
    }
    countAccepted(
        i, questions.person_of_positive, [&](size_t p) { return result.positives[p] >= threshold; },
        result);
  }
  result.roc = curveOf(roc);
}

void takeDevkitVerification(const Questions& questions, const ScanOptions& options,
                            const ScanResult& scan, MegafaceResult& result) {
  std::vector<uint64_t> above;
  for (const float score : questions.positives) {
    const auto edge = std::lower_bound(options.edges.begin(), options.edges.end(), score);
    above.push_back(scan.above_edge[static_cast<size_t>(edge - options.edges.begin())]);
  }
  for (size_t i = 0; i < kMegafaceFars.size(); ++i) {
    result.tar_at_far[i] = devkitTarAtFar(above, result.negatives, kMegafaceFars[i]);
    const uint64_t allowed = devkitFalseAccepts(result.negatives, kMegafaceFars[i]);
    countAccepted(
        i, questions.person_of_positive, [&](size_t p) { return above[p] <= allowed; }, result);
  }
  result.roc = devkitRoc(std::move(above), result.negatives);
}

void takeTraditionalCmc(const Questions& questions, const MegafaceProbes& probes,
                        MegafaceResult& result) {
  std::vector<uint64_t> counts(result.distractors + probes.people.size());
  const size_t searches = questions.first.back();
  for (size_t i = 0; i < questions.trial_gallery.size(); ++i)
    ++counts[questions.trial_gallery[i] + questions.queries[searches + i].above];
  result.traditional_cmc = devkitTraditionalCmc(counts);
}

void takePeople(const Questions& questions, const MegafaceProbes& probes, MegafaceResult& result) {
  result.by_person.resize(probes.people.size());
  for (size_t person = 0; person < probes.people.size(); ++person) {
    for (const size_t image : probes.people[person]) {
      for (size_t search = questions.first[image]; search < questions.first[image + 1]; ++search)
        result.by_person[person].above.push_back(questions.queries[search].above);
    }
  }
  for (const size_t person : questions.person_of_positive)
    ++result.by_person[person].positives;
}

/// Whether mates and distractors, as far as they were kept, all have one score.
bool allScoresEqual(const MegafaceResult& result) {
  const double one = result.positives[0];
  return std::all_of(result.positives.begin(), result.positives.end(),
                     [&](double score) { return score == one; }) &&
         std::all_of(result.matches.begin(), result.matches.end(), [&](const auto& matches) {
           return std::all_of(matches.distractors.begin(), matches.distractors.end(),
                              [&](const Neighbour& best) { return best.score == one; });
         });
}

void takeMatches(const Questions& questions, const MegafaceProbes& probes, ScanResult& scan,
                 MegafaceResult& result) {
  result.matches.resize(probes.list.paths.size());
  for (const std::vector<size_t>& images : probes.people) {
    for (size_t j = 0; j < images.size(); ++j) {
      MegafaceMatches& matches = result.matches[images[j]];
      matches.distractors = std::move(scan.best[images[j]]);
      for (size_t i = 0; i < images.size(); ++i) {
        if (i == j) continue;
        // Among the mates of image i its own place is left out.
        const size_t search = questions.first[images[i]] + (j < i ? j : j - 1);
        matches.mates.push_back(images[i]);
        matches.mate_ranks.push_back(questions.queries[search].above);
      }
    }
  }
}

/// The first `kHardPairs` of the pairs by `before`.
template <class Before>
std::vector<ScoredPair> hardest(std::vector<ScoredPair> pairs, const Before& before) {
  const size_t count = std::min(kHardPairs, pairs.size());
  std::partial_sort(pairs.begin(), pairs.begin() + static_cast<std::ptrdiff_t>(count), pairs.end(),
                    before);
  pairs.resize(count);
  return pairs;
}

void takeHardPairs(const Questions& questions, const MegafaceProbes& probes,
                   const FeatureSource& distractors, MegafaceResult& result) {
  const std::vector<std::string>& paths = probes.list.paths;
  std::vector<ScoredPair> nearest;
  nearest.reserve(paths.size());
  for (size_t i = 0; i < paths.size(); ++i) {
    const Neighbour& best = result.matches[i].distractors.at(0);
    nearest.push_back({paths[i], distractors.names[best.column], best.score});
  }
  std::vector<ScoredPair> mates;
  mates.reserve(result.positives.size());
  for (const std::vector<size_t>& images : probes.people) {
    for (size_t i = 0; i < images.size(); ++i) {
      for (size_t j = i + 1; j < images.size(); ++j) {
        const size_t search = questions.first[images[i]] + j - 1;
        mates.push_back({paths[images[i]], paths[images[j]], questions.queries[search].threshold});
      }
    }
  }
  result.nearest_distractors =
      hardest(std::move(nearest),
              [](const ScoredPair& a, const ScoredPair& b) { return a.score > b.score; });
  result.farthest_mates = hardest(
      std::move(mates), [](const ScoredPair& a, const ScoredPair& b) { return a.score < b.score; });
}

/// As many distractors in memory as the limit leaves room for.
size_t blockColumns(const Scorer& scorer, ScanOptions scan, const MegafaceProbes& probes,
                    const Questions& questions, const FeatureSource& distractors,
                    size_t memory_bytes) {
  const auto bytes = [&](size_t columns) {
    scan.block_columns = columns;
    size_t sum = scanBytes(scorer, scan, probes.list.paths.size(), questions.queries.size());
    sum += probes.prepared.size() * sizeof(float) + questions.queries.size() * sizeof(CountQuery) +
           distractors.names.size() * sizeof(uint64_t);
    // Once in the list and once in the source.
    for (const std::string& name : distractors.names)
      sum += 2 * (sizeof(std::string) + name.size());
    return sum;
  };
  const size_t least = bytes(Scorer::kPanel);
  if (least > memory_bytes) {
    constexpr size_t kMegabyte = 1 << 20;
    throw UsageError(concat("needs ", least / kMegabyte + 1, " MB of memory, ",
                            memory_bytes / kMegabyte, " are allowed"));
  }
  const size_t per_panel = bytes(2 * Scorer::kPanel) - least;
  const size_t panels = 1 + (memory_bytes - least) / per_panel;
  return std::min(kMostColumns, panels * Scorer::kPanel);
}

}  // namespace

double MegafaceResult::rateAtRank(size_t rank) const {
  const auto end =
      rank_counts.begin() + static_cast<std::ptrdiff_t>(std::min(rank, rank_counts.size()));
  return static_cast<double>(std::accumulate(rank_counts.begin(), end, uint64_t{0})) /
         static_cast<double>(searches);
}

MegafaceProbes prepareProbes(const Scorer& scorer, const MegafaceList& list,
                             const FeatureSource& features) {
  MegafaceProbes probes;
  probes.list = list;
  std::map<std::string, std::vector<size_t>> people;
  for (size_t i = 0; i < list.ids.size(); ++i)
    people[list.ids[i]].push_back(i);
  size_t most = 0;
  for (auto& [id, images] : people) {
    most = std::max(most, images.size());
    probes.people.push_back(std::move(images));
  }
  if (most < 2) throw Error(concat(list.file, ": no person has two images"));
  probes.prepared.resize(list.paths.size() * scorer.depth());
  for (size_t i = 0; i < list.paths.size(); ++i)
    prepareFeatures(scorer, features, i, 1, probes.prepared.data() + i * scorer.depth());
  return probes;
}

MegafaceResult evaluateMegaface(const Scorer& scorer, const MegafaceProbes& probes,
                                const FeatureSource& distractors, const MegafaceOptions& options,
                                RankGroup& ranks) {
  MegafaceResult result;
  result.probes = probes.list.paths.size();
  result.people = probes.people.size();
  result.distractors = distractors.names.size();
  Questions questions = askQuestions(
      scorer, probes, options.devkit ? drawTrials(probes) : std::vector<Trial>{}, options.threads);
  result.searches = questions.first.back();
  result.positives.assign(questions.positives.begin(), questions.positives.end());
  const size_t negative_rows =
      options.devkit ? std::min(kDevkitRows, result.probes) : result.probes;
  result.negatives = uint64_t{negative_rows} * result.distractors;

  ScanOptions scan_options;
  scan_options.threads = options.threads;
  scan_options.device = options.device;
  scan_options.device_index = static_cast<int>(ranks.placeOnHost());
  scan_options.best = kNamedDistractors;
  if (options.devkit) {
    scan_options.edges = questions.positives;
    std::sort(scan_options.edges.begin(), scan_options.edges.end());
    scan_options.edge_rows = negative_rows;
  } else {
    const auto needed =
        1 + static_cast<uint64_t>(kHighestFar * static_cast<double>(result.negatives));
    scan_options.largest = std::max(needed, std::min(kCompleteRoc, result.negatives));
  }
  scan_options.block_columns =
      blockColumns(scorer, scan_options, probes, questions, distractors, options.memory_bytes);
  ScanResult scan =
      scanShared(scorer, probes.prepared, distractors, questions.queries, scan_options, ranks);
  if (!ranks.isFirst()) return {};

  result.rank_counts.resize(result.distractors + 1);
  for (size_t search = 0; search < result.searches; ++search)
    ++result.rank_counts[questions.queries[search].above];
  takePeople(questions, probes, result);
  if (options.devkit) {
    result.cmc = devkitCmc(result.rank_counts);
    takeDevkitVerification(questions, scan_options, scan, result);
    takeTraditionalCmc(questions, probes, result);
  } else {
    result.cmc = cmcOf(result.rank_counts, result.searches);
    takeFullVerification(questions, scan, result);
  }
  takeMatches(questions, probes, scan, result);
  result.all_scores_equal = allScoresEqual(result);
  takeHardPairs(questions, probes, distractors, result);
  return result;
}

}  // namespace sphereface
