// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/blufr.h"

#include <algorithm>
#include <limits>
#include <mutex>
#include <set>
#include <span>
#include <utility>

#include "base/error.h"
#include "base/progress.h"
#include "base/sha256.h"
#include "evaluation/face_gallery.h"
#include "evaluation/feature_source.h"
#include "evaluation/largest_scores.h"
#include "evaluation/open_set.h"
#include "evaluation/pairs.h"
#include "evaluation/roc.h"
#include "evaluation/scorer.h"
#include "evaluation/told_rate.h"
#include "report/numbers.h"
#include "report/text_table.h"

namespace sphereface {
namespace {

std::string personOf(const std::string& image) {
  return std::filesystem::path(image).parent_path().string();
}

void checkTrial(const BlufrTrials& trials, const BlufrTrial& trial) {
  std::set<std::string> gallery;
  for (const std::vector<size_t>* list :
       {&trial.test, &trial.gallery, &trial.genuine_probes, &trial.impostor_probes}) {
    if (list->empty()) throw Error("a list is empty");
    for (const size_t place : *list) {
      if (place >= trials.images.size()) {
        throw Error(concat("place ", place, " is beyond the ", trials.images.size(), " images"));
      }
    }
  }
  for (const size_t place : trial.gallery) {
    if (!gallery.insert(personOf(trials.images[place])).second) {
      throw Error(concat(personOf(trials.images[place]), " is in the gallery twice"));
    }
  }
  for (const size_t place : trial.genuine_probes) {
    if (!gallery.contains(personOf(trials.images[place]))) {
      throw Error(
          concat("the genuine probe ", trials.images[place], " is of nobody in the gallery"));
    }
  }
  for (const size_t place : trial.impostor_probes) {
    if (gallery.contains(personOf(trials.images[place]))) {
      throw Error(concat("the impostor ", trials.images[place], " is in the gallery"));
    }
  }
}

/// Numbers people in the order of their first images.
std::vector<size_t> numbersOfPeople(const std::vector<std::string>& images) {
  std::map<std::string, size_t> numbers;
  std::vector<size_t> people;
  people.reserve(images.size());
  for (const std::string& image : images)
    people.push_back(numbers.emplace(personOf(image), numbers.size()).first->second);
  return people;
}

class Blufr {
 public:
  Blufr(const BlufrTrials& trials, const FeatureSet& features, size_t threads)
      : trials_(trials),
        features_(features),
        rows_(rowsOf(trials.images, features)),
        people_(numbersOfPeople(trials.images)),
        scorer_(Similarity::kCosine, features.dim),
        threads_(threads) {}

  void verify(const BlufrTrial& trial, BlufrTrialResult& result) const {
    std::vector<float> prepared(trial.test.size() * scorer_.depth());
    for (size_t i = 0; i < trial.test.size(); ++i) {
      scorer_.prepare(feature(trial.test[i]), trials_.images[trial.test[i]],
                      prepared.data() + i * scorer_.depth());
    }
    std::map<size_t, uint64_t> images_of;
    for (const size_t place : trial.test)
      ++images_of[people_[place]];
    for (const auto& [person, images] : images_of) {
      result.same_pairs += images * (images - 1) / 2;
      result.people_in_pairs += images > 1 ? 1 : 0;
    }
    const uint64_t count = trial.test.size();
    result.different_pairs = count * (count - 1) / 2 - result.same_pairs;
    if (result.same_pairs == 0 || result.different_pairs == 0) {
      throw Error("its test images make no pairs of both kinds");
    }

    std::vector<double> same;
    std::mutex same_mutex;
    float least = std::numeric_limits<float>::infinity();
    float most = -least;
    LargestScores different(
        1 + static_cast<size_t>(kBlufrVrFars[0] * static_cast<double>(result.different_pairs)));
    scoreEachOther(scorer_, prepared, threads_, [&](size_t i, std::span<const float> scores) {
      std::vector<float> mates;
      std::vector<float> others;
      const float cut = different.cut();
      // Each pair once.
      for (size_t j = i + 1; j < scores.size(); ++j) {
        if (people_[trial.test[i]] == people_[trial.test[j]]) {
          mates.push_back(scores[j]);
        } else if (scores[j] > cut) {
          others.push_back(scores[j]);
        }
      }
      different.add(others);
      const std::span<const float> later = scores.subspan(i + 1);
      const std::lock_guard lock(same_mutex);
      same.insert(same.end(), mates.begin(), mates.end());
      for (const float score : later) {
        least = std::min(least, score);
        most = std::max(most, score);
      }
    });
    const std::vector<float> highest = different.take();
    const std::vector<RocPoint> roc =
        rocCurve(same, std::vector<double>(highest.begin(), highest.end()), result.different_pairs);
    for (size_t i = 0; i < kBlufrVrFars.size(); ++i)
      result.vr[i] = tarAtFar(roc, kBlufrVrFars[i]);
    result.all_scores_equal = least == most;
  }

  void identify(const BlufrTrial& trial, BlufrTrialResult& result) const {
    FaceGallery gallery(features_.dim);
    std::vector<size_t> person_of;
    for (const size_t place : trial.gallery) {
      gallery.add(trials_.images[place], feature(place));
      person_of.push_back(people_[place]);
    }
    const size_t genuine = trial.genuine_probes.size();
    result.gallery_people = trial.gallery.size();
    result.genuine_probes = genuine;
    result.impostor_probes = trial.impostor_probes.size();
    std::vector<size_t> places = trial.genuine_probes;
    places.insert(places.end(), trial.impostor_probes.begin(), trial.impostor_probes.end());
    std::vector<size_t> rows;
    rows.reserve(places.size());
    for (const size_t place : places)
      rows.push_back(rows_[place]);
    const std::vector<Match> matches = gallery.matchAll(features_, rows, threads_);
    std::vector<OpenSetProbe> probes;
    probes.reserve(places.size());
    for (size_t i = 0; i < places.size(); ++i) {
      probes.push_back(
          {matches[i].score, i < genuine, person_of[matches[i].person] == people_[places[i]]});
    }
    for (size_t i = 0; i < kBlufrDirFars.size(); ++i)
      result.dir[i] = dirAtFar(probes, kBlufrDirFars[i]).dir;
  }

 private:
  static std::vector<size_t> rowsOf(std::vector<std::string> images, const FeatureSet& features) {
    for (std::string& image : images)
      image = withoutImageSuffix(image);
    return locateImages(images, features.names, "the features");
  }

  std::span<const float> feature(size_t place) const { return features_.row(rows_[place]); }

  const BlufrTrials& trials_;
  const FeatureSet& features_;
  std::vector<size_t> rows_;    // of the images
  std::vector<size_t> people_;  // numbers
  Scorer scorer_;
  size_t threads_;
};

/// Runs work(trial); its errors name the trial.
template <class Work>
void forTrial(const std::string& file, size_t trial, const Work& work) {
  try {
    work();
  } catch (const std::exception& error) {
    throw Error(concat(file, "trial ", trial + 1, ": ", error.what()));
  }
}

/// One of the rates over the trials.
struct Rate {
  std::string name;
  const char* json_list;
  double far = 0;
  Spread spread;
  ToldRate told;
};

/// Told where every trial can tell it, by the people of the trial with the fewest.
template <class ScoresOf, class PeopleOf>
ToldRate toldOver(const std::vector<BlufrTrialResult>& results, double far, double mean,
                  const ScoresOf& scores_of, const PeopleOf& people_of) {
  std::string reason;
  uint64_t people = people_of(results[0]);
  for (const BlufrTrialResult& result : results) {
    if (reason.empty()) reason = whyUntold(scores_of(result), far);
    people = std::min(people, people_of(result));
  }
  return tell(reason, mean, static_cast<double>(people));
}

std::vector<Rate> ratesOf(const std::vector<BlufrTrialResult>& results) {
  std::vector<Rate> rates;
  const auto spread_of = [&](const auto& value) {
    std::vector<double> values;
    values.reserve(results.size());
    for (const BlufrTrialResult& result : results)
      values.push_back(value(result));
    return spreadOf(values);
  };
  for (size_t i = 0; i < kBlufrVrFars.size(); ++i) {
    const Spread spread = spread_of([&](const BlufrTrialResult& result) { return result.vr[i]; });
    const ToldRate told = toldOver(
        results, kBlufrVrFars[i], spread.mean,
        [](const BlufrTrialResult& r) {
          return ScoresOfKinds{r.same_pairs, r.different_pairs, r.all_scores_equal};
        },
        [](const BlufrTrialResult& r) { return r.people_in_pairs; });
    rates.push_back({"VR", "vr_at_far", kBlufrVrFars[i], spread, told});
  }
  for (size_t i = 0; i < kBlufrDirFars.size(); ++i) {
    const Spread spread = spread_of([&](const BlufrTrialResult& result) { return result.dir[i]; });
    const ToldRate told = toldOver(
        results, kBlufrDirFars[i], spread.mean,
        [](const BlufrTrialResult& r) {
          return ScoresOfKinds{r.genuine_probes, r.impostor_probes, r.all_scores_equal};
        },
        [](const BlufrTrialResult& r) { return r.gallery_people; });
    rates.push_back({"DIR at rank 1", "dir_at_far", kBlufrDirFars[i], spread, told});
  }
  return rates;
}

std::vector<std::string> warningsOf(const std::vector<BlufrTrialResult>& results) {
  std::vector<std::string> warnings;
  for (size_t t = 0; t < results.size(); ++t) {
    if (!results[t].all_scores_equal) continue;
    warnings.push_back(
        concat("trial ", t + 1, ": all scores are equal, the features tell nobody apart"));
  }
  return warnings;
}

}  // namespace

BlufrTrials readBlufrTrials(const std::filesystem::path& file) {
  const Json json = readJsonFile(file);
  BlufrTrials trials;
  trials.sha256 = sha256File(file);
  const auto places = [](const Json& trial, const char* list) {
    return trial.at(list).get<std::vector<size_t>>();
  };
  try {
    trials.images = json.at("images").get<std::vector<std::string>>();
    for (const Json& trial : json.at("trials")) {
      trials.trials.push_back({places(trial, "test"), places(trial, "gallery"),
                               places(trial, "genuine_probes"), places(trial, "impostor_probes")});
    }
  } catch (const JsonError& error) {
    throw Error(concat(file.string(), ": no list of BLUFR's trials: ", error.what()));
  }
  if (trials.trials.empty()) throw Error(concat(file.string(), ": no trials"));
  for (size_t i = 0; i < trials.trials.size(); ++i) {
    forTrial(concat(file.string(), ": "), i, [&] { checkTrial(trials, trials.trials[i]); });
  }
  return trials;
}

std::vector<BlufrTrialResult> evaluateBlufr(const BlufrTrials& trials, const FeatureSet& features,
                                            size_t threads) {
  const Blufr blufr(trials, features, threads);
  std::vector<BlufrTrialResult> results(trials.trials.size());
  Progress progress("BLUFR", results.size(), "trials");
  for (size_t i = 0; i < results.size(); ++i) {
    forTrial("", i, [&] {
      blufr.verify(trials.trials[i], results[i]);
      blufr.identify(trials.trials[i], results[i]);
    });
    progress.add();
  }
  return results;
}

std::string blufrTable(const std::vector<BlufrTrialResult>& results) {
  const bool has_deviation = results.size() > 1;
  TextTable table({-16, 9, 11, 11, 13, 0});
  table.row({"", "FAR", "mean", "std", "mean - std", "   95 %"});
  for (const Rate& rate : ratesOf(results)) {
    const double mean = rate.spread.mean;
    const double deviation = rate.spread.sample_deviation;
    std::vector<std::string> cells = {"  " + rate.name, percent(rate.far)};
    if (!rate.told.rate) {
      cells.push_back("   n/a: " + rate.told.reason);
    } else {
      cells.insert(cells.end(), {percent(mean), has_deviation ? percent(deviation) : "n/a",
                                 has_deviation ? percent(mean - deviation) : "n/a",
                                 "   " + intervalText(rate.told)});
    }
    table.row(cells);
  }
  return concat(results.size(), results.size() == 1 ? " trial" : " trials", ", in the first ",
                results[0].same_pairs, " pairs of the same person and ", results[0].different_pairs,
                " of different people\n\n", table.text(), warningText(warningsOf(results)));
}

Json blufrJson(const std::vector<BlufrTrialResult>& results, const BlufrTrials& trials,
               const FeatureSet& features) {
  Json json = {{"protocol", "blufr"},
               {"trials", results.size()},
               {"trials_sha256", trials.sha256},
               {"mirror", features.mirror},
               {"model_sha256", features.model_sha256}};
  for (const Rate& rate : ratesOf(results)) {
    // One trial has no deviation.
    const bool has_deviation = rate.told.rate && results.size() > 1;
    const double deviation = rate.spread.sample_deviation;
    Json entry = {{"far", rate.far},
                  {"mean", rateJson(rate.told)},
                  {"sample_std", has_deviation ? Json(deviation) : Json()},
                  {"mean_minus_std", has_deviation ? Json(rate.spread.mean - deviation) : Json()},
                  {"interval", intervalJson(rate.told)}};
    if (!rate.told.rate) entry["reason"] = rate.told.reason;
    json[rate.json_list].push_back(entry);
  }
  json["warnings"] = warningsOf(results);
  return json;
}

}  // namespace sphereface
