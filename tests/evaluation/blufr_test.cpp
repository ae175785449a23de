// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// BLUFR's rates against loops over all pairs in double precision.

#include "evaluation/blufr.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/json.h"
#include "base/random.h"
#include "base/temporary_folder.h"
#include "tests/support/packing_test_tools.h"

namespace sphereface {
namespace {

constexpr size_t kPeople = 60;
constexpr size_t kImages = 5;
constexpr size_t kDim = 16;

/// People's images around their centres, in another order than the trials list them.
FeatureSet makeFeatures() {
  Random random(3);
  FeatureSet features;
  features.dim = kDim;
  std::vector<float> centre(kDim);
  for (size_t person = 0; person < kPeople; ++person) {
    for (float& x : centre)
      x = static_cast<float>(random.normal());
    for (size_t image = 0; image < kImages; ++image) {
      features.names.push_back(concat("p", person, "/p", person, "_", image, ".jpg"));
      for (const float x : centre)
        features.values.push_back(x + 0.8F * static_cast<float>(random.normal()));
    }
  }
  features.rows = features.names.size();
  return features;
}

/// Two trials: of 40 people all images are tested, 15 of them are in the gallery.
Json makeTrials(const FeatureSet& features) {
  Json trials;
  trials["images"] = features.names;
  std::reverse(trials["images"].begin(), trials["images"].end());
  for (size_t trial = 0; trial < 2; ++trial) {
    Json lists;
    for (size_t person = 20 * trial; person < 20 * trial + 40; ++person) {
      for (size_t image = 0; image < kImages; ++image) {
        const size_t place = person * kImages + image;
        lists["test"].push_back(place);
        const bool enrolled = person % 8 < 3;
        if (enrolled && image == 0) {
          lists["gallery"].push_back(place);
        } else {
          lists[enrolled ? "genuine_probes" : "impostor_probes"].push_back(place);
        }
      }
    }
    trials["trials"].push_back(lists);
  }
  return trials;
}

struct Naive {
  const Json& trials;
  const FeatureSet& features;

  std::string name(size_t place) const { return trials.at("images").at(place).text(); }
  std::string person(size_t place) const { return name(place).substr(0, name(place).find('/')); }
  double cosine(size_t a, size_t b) const {
    double dot = 0;
    double aa = 0;
    double bb = 0;
    for (size_t k = 0; k < kDim; ++k) {
      const double x = row(a)[k];
      const double y = row(b)[k];
      dot += x * y;
      aa += x * x;
      bb += y * y;
    }
    return dot / std::sqrt(aa * bb);
  }
  std::span<const float> row(size_t place) const {
    const auto at = std::find(features.names.begin(), features.names.end(), name(place));
    return features.row(static_cast<size_t>(at - features.names.begin()));
  }

  double vr(const Json& trial, double far) const {
    std::vector<double> same;
    std::vector<double> different;
    const auto test = trial.at("test").get<std::vector<size_t>>();
    for (size_t i = 0; i < test.size(); ++i) {
      for (size_t j = 0; j < i; ++j) {
        (person(test[i]) == person(test[j]) ? same : different).push_back(cosine(test[i], test[j]));
      }
    }
    return shareAbove(same, different, far);
  }

  double dir(const Json& trial, double far) const {
    std::vector<double> right;
    std::vector<double> impostors;
    for (const char* list : {"genuine_probes", "impostor_probes"}) {
      for (const size_t probe : trial.at(list).get<std::vector<size_t>>()) {
        double best = -2;
        bool is_right = false;
        for (const size_t known : trial.at("gallery").get<std::vector<size_t>>()) {
          if (cosine(probe, known) <= best) continue;
          best = cosine(probe, known);
          is_right = person(probe) == person(known);
        }
        if (list[0] == 'i') {
          impostors.push_back(best);
        } else {
          right.push_back(is_right ? best : -2);
        }
      }
    }
    return shareAbove(right, impostors, far);
  }

  static double shareAbove(const std::vector<double>& values, std::vector<double> others,
                           double far) {
    std::sort(others.begin(), others.end(), std::greater<>());
    const double limit = others[static_cast<size_t>(far * static_cast<double>(others.size()))];
    const auto above =
        std::count_if(values.begin(), values.end(), [&](double value) { return value > limit; });
    return static_cast<double>(above) / static_cast<double>(values.size());
  }
};

TEST(Blufr, RatesAreThoseOfLoopsOverAllPairs) {
  const TemporaryFolder folder;
  const FeatureSet features = makeFeatures();
  const Json json = makeTrials(features);
  writeJsonFile(folder / "trials.json", json);
  const BlufrTrials trials = readBlufrTrials(folder / "trials.json");
  const Naive naive{json, features};
  for (const size_t threads : {1, 3}) {
    const std::vector<BlufrTrialResult> results = evaluateBlufr(trials, features, threads);
    ASSERT_EQ(results.size(), 2U);
    for (size_t t = 0; t < results.size(); ++t) {
      EXPECT_EQ(results[t].same_pairs, 40 * kImages * (kImages - 1) / 2);
      EXPECT_EQ(results[t].different_pairs, 200 * 199 / 2 - results[t].same_pairs);
      for (size_t i = 0; i < kBlufrVrFars.size(); ++i)
        EXPECT_DOUBLE_EQ(results[t].vr[i], naive.vr(json["trials"][t], kBlufrVrFars[i]));
      for (size_t i = 0; i < kBlufrDirFars.size(); ++i)
        EXPECT_DOUBLE_EQ(results[t].dir[i], naive.dir(json["trials"][t], kBlufrDirFars[i]));
      EXPECT_GT(results[t].vr[0], 0.05);
      EXPECT_LT(results[t].dir[0], results[t].dir[1]);
    }
    const Json report = blufrJson(results, trials, features);
    const double mean = (results[0].vr[0] + results[1].vr[0]) / 2;
    EXPECT_NEAR(report["vr_at_far"][0]["mean"].get<double>(), mean, 1e-12);
    EXPECT_NEAR(report["vr_at_far"][0]["mean_minus_std"].get<double>(),
                mean - std::abs(results[0].vr[0] - results[1].vr[0]) / std::sqrt(2.0), 1e-12);
  }
}

TEST(Blufr, WrongTrialsAreNamed) {
  const TemporaryFolder folder;
  const FeatureSet features = makeFeatures();
  const auto expectError = [&](const std::function<void(Json&)>& spoil, const std::string& words) {
    Json json = makeTrials(features);
    spoil(json);
    writeJsonFile(folder / "trials.json", json);
    const std::string error =
        errorOf([&] { evaluateBlufr(readBlufrTrials(folder / "trials.json"), features, 1); });
    EXPECT_TRUE(contains(error, words)) << error;
  };
  expectError([](Json& json) { json.erase("images"); }, "no list of BLUFR's trials");
  expectError([](Json& json) { json["trials"] = Json::array(); }, "no trials");
  expectError([](Json& json) { json["trials"][1]["test"].push_back(300); },
              "trial 2: place 300 is beyond");
  expectError([](Json& json) { json["trials"][1]["test"].push_back(-1); }, "is beyond");
  expectError([](Json& json) { json["trials"][0]["gallery"] = Json::array(); }, "a list is empty");
  expectError([](Json& json) { json["trials"][0]["gallery"].push_back(1); },
              "in the gallery twice");
  expectError([](Json& json) { json["trials"][0]["genuine_probes"].push_back(15); },
              "is of nobody in the gallery");
  expectError([](Json& json) { json["trials"][0]["impostor_probes"].push_back(0); },
              "is in the gallery");
  expectError([](Json& json) { json["images"][7] = "somebody/else.jpg"; }, "somebody/else");
}

}  // namespace
}  // namespace sphereface
