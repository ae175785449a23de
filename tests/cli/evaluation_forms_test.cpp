// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Every verb of `evaluate` over features and lists of which no more, or nothing, can be told: what
// is printed with exit code 0 is measured, and what isn't has its reason.

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/json.h"
#include "base/random.h"
#include "base/temporary_folder.h"
#include "cli/commands.h"
#include "cli/work_sharing.h"
#include "evaluation/feature_file.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

constexpr size_t kPeople = 24;
constexpr size_t kImages = 3;
constexpr size_t kDim = 8;

struct Form {
  std::string name;
  std::function<void(std::vector<float>&)> spoil;
  bool tells_nobody_apart = false;
};

void makeConstant(std::vector<float>& values, float value) {
  std::fill(values.begin(), values.end(), value);
}

std::vector<Form> featureForms() {
  return {{"good", [](auto&) {}},
          {"all equal", [](auto& v) { makeConstant(v, 0.5F); }, true},
          {"all zero", [](auto& v) { makeConstant(v, 0); }, true},
          {"one zero row", [](auto& v) { std::fill_n(v.begin(), kDim, 0.0F); }},
          {"NaN", [](auto& v) { v[5] = std::numeric_limits<float>::quiet_NaN(); }},
          {"infinite", [](auto& v) { v[5] = std::numeric_limits<float>::infinity(); }},
          {"as large as can be",
           [](auto& v) {
             for (float& x : v)
               x *= 1e38F;
           }},
          {"duplicates", [](auto& v) {
             for (size_t i = 0; i < v.size(); ++i)
               v[i] = v[i / (kDim * kImages) * kDim * kImages + i % kDim];
           }}};
}

std::string nameOf(size_t person, size_t image) {
  return concat("p", person, "/", image, ".jpg");
}

struct List {
  std::string name;
  std::string text;
};

/// Lists of pairs, with as many pairs of different people as `different` says.
std::vector<List> pairLists() {
  const auto line = [](size_t a, size_t i, size_t b, size_t j) {
    return concat(nameOf(a, i), " ", nameOf(b, j), " ", a == b ? 1 : 0, "\n");
  };
  std::string same;
  std::string different;
  std::string both;
  for (size_t p = 0; p < kPeople; ++p) {
    const std::string one = line(p, 0, p, 1);
    const std::string two = line(p, 0, (p + 1) % kPeople, 1);
    same += one;
    different += two;
    both += one + two;
  }
  std::string contradicting = both;
  contradicting += concat(nameOf(0, 0), " ", nameOf(0, 1), " 0\n");
  const std::string tiny = both.substr(0, both.find("p5/0.jpg"));
  std::string own;
  for (size_t p = 0; p < kPeople; ++p)
    own += line(p, 0, p, 0);
  return {{"both", both},
          {"same only", same},
          {"different only", different},
          {"ten pairs", tiny},
          {"too few", both.substr(0, both.find("p2/0.jpg"))},
          {"twice", both + both},
          {"with itself", own + different},
          {"contradicting", contradicting},
          {"empty", ""},
          {"no fold", "0 0\n"},
          {"one fold", "1 1\np0\t1\t2\np0\t1\tp1\t1\n"}};
}

class EvaluationForms : public ::testing::Test {
 protected:
  void SetUp() override {
    Random random(3);
    features_.dim = kDim;
    for (size_t p = 0; p < kPeople; ++p) {
      std::vector<float> centre(kDim);
      for (float& x : centre)
        x = static_cast<float>(random.normal());
      for (size_t i = 0; i < kImages; ++i) {
        features_.names.push_back(nameOf(p, i));
        for (const float x : centre)
          features_.values.push_back(x + static_cast<float>(0.4 * random.normal()));
      }
    }
    features_.rows = features_.names.size();
    Json probes;
    for (size_t p = 0; p < 6; ++p) {
      for (size_t i = 0; i < kImages; ++i) {
        probes["path"].push_back(nameOf(p, i));
        probes["id"].push_back(concat(p));
      }
    }
    writeJsonFile(folder_ / "probes.json", probes);
    Json distractors;
    for (size_t p = 6; p < kPeople; ++p)
      distractors["path"].push_back(nameOf(p, 0));
    writeJsonFile(folder_ / "distractors.json", distractors);
    Json trial;
    for (size_t p = 0; p < kPeople; ++p) {
      for (size_t i = 0; i < kImages; ++i) {
        const size_t place = p * kImages + i;
        trial["test"].push_back(place);
        trial[p >= 12 ? "impostor_probes" : i == 0 ? "gallery" : "genuine_probes"].push_back(place);
      }
    }
    writeJsonFile(folder_ / "trials.json",
                  {{"images", features_.names}, {"trials", Json::array({trial})}});
  }

  /// Spoiled as the form says, as another program would write it: numbers and names alone.
  void writeForm(const Form& form) {
    FeatureSet spoiled = features_;
    form.spoil(spoiled.values);
    writeFeatures(folder_ / "f.npy", features_);
    std::string bytes = readFile(folder_ / "f.npy");
    const size_t size = spoiled.values.size() * sizeof(float);
    bytes.replace(bytes.size() - size, size, reinterpret_cast<const char*>(spoiled.values.data()),
                  size);
    writeFileAtomically(folder_ / "f.npy", bytes);
    writeJsonFile(folder_ / "f.npy.json", {{"names", spoiled.names}});
  }

  struct Outcome {
    bool is_error = false;
    std::string output;  // or the error's words
  };

  /// As the program does it, here: it is started too often to be started.
  Outcome runVerb(std::vector<std::string> words) const {
    words.insert(words.begin(), {"sphereface", "evaluate"});
    words.insert(words.end(), {"--json", folder_ / "out.json"});
    WorkSharing sharing(std::vector<std::string>(words.begin() + 1, words.end()));
    const Program app("sphereface", "", "");
    addEvaluateCommand(app, sharing);
    std::vector<char*> arguments;
    arguments.reserve(words.size());
    for (std::string& word : words)
      arguments.push_back(word.data());
    ::testing::internal::CaptureStdout();
    Outcome outcome;
    try {
      app.parse(static_cast<int>(arguments.size()), arguments.data());
    } catch (const Error& error) {
      outcome = {true, error.what()};
    }
    std::fflush(stdout);
    outcome.output += ::testing::internal::GetCapturedStdout();
    return outcome;
  }

  void evaluate(const std::vector<std::string>& verb, const std::string& what, const Form& form) {
    SCOPED_TRACE(what);
    fs::remove(folder_ / "out.json");
    const Outcome done = runVerb(verb);
    ++count_;
    for (const char* number : {"nan", "inf ", " inf"})
      EXPECT_EQ(done.output.find(number), std::string::npos) << done.output;
    if (done.is_error) {
      ++refused_;
      EXPECT_GT(done.output.size(), 20U) << done.output;
      EXPECT_FALSE(fs::exists(folder_ / "out.json"));
      return;
    }
    const Json json = readJsonFile(folder_ / "out.json");
    if (verb[0] == "fisher") {  // prints no rate
      EXPECT_FALSE(form.tells_nobody_apart) << done.output;
      return;
    }
    ASSERT_TRUE(json.at("warnings").is_array());
    if (form.tells_nobody_apart) {
      EXPECT_FALSE(json.at("warnings").empty()) << done.output;
      EXPECT_NE(done.output.find("warning: "), std::string::npos) << done.output;
    }
    expectTold(json, form, done.output);
  }

  /// Each rate at a FAR that as many false accepts could show, each null with its reason.
  void expectTold(const Json& json, const Form& form, const std::string& output) {
    size_t untold = 0;
    const auto check = [&](const Json& rate, const Json& interval, double far) {
      if (rate.is_null()) {
        ++untold;
        EXPECT_TRUE(interval.is_null());
        return;
      }
      EXPECT_FALSE(form.tells_nobody_apart) << output;
      // So many scores of different people at most are in BLUFR's trial, MegaFace's lists, others.
      const double most = json.contains("trials") ? 72 * 71 / 2 : 18 * 18;
      EXPECT_GE(most * far, 1) << output;
      ASSERT_EQ(interval.size(), 2U);
      EXPECT_LE(interval[0].get<double>(), rate.get<double>());
      EXPECT_GE(interval[1].get<double>(), rate.get<double>());
      EXPECT_GT(interval[1].get<double>() - interval[0].get<double>(), 0.01);
    };
    size_t reasons = json.contains("reasons") ? json.at("reasons").size() : 0;
    for (const char* rates : {"tar_at_far", "rank"}) {
      if (!json.contains(rates)) continue;
      for (const auto& [key, rate] : json.at(rates).items()) {
        const double far = rates[0] == 't' ? std::stod(key) : 1;
        check(rate, json.at(concat(rates, "_interval")).at(key), far);
      }
    }
    for (const char* rate : {"auc", "eer"}) {
      if (json.contains(rate)) check(json.at(rate), json.at(concat(rate, "_interval")), 1);
    }
    if (const Json* val = json.find("validation_rate")) {
      check(val->at("mean"), val->at("interval"), 1e-3);
    }
    for (const char* list : {"at_far", "vr_at_far", "dir_at_far"}) {
      if (!json.contains(list)) continue;
      for (const Json& entry : json.at(list)) {
        const Json& of = entry.contains("dir") ? entry.at("dir") : entry;
        check(of.at("mean"), of.at("interval"), entry.at("far").get<double>());
        reasons += entry.contains("reason") ? 1 : 0;
      }
    }
    EXPECT_EQ(untold, reasons) << output;
    untold_ += untold;
    EXPECT_EQ(output.find("n/a: needs") != std::string::npos, untold > 0) << output;
  }

  const TemporaryFolder folder_;
  FeatureSet features_;
  size_t count_ = 0;
  size_t refused_ = 0;
  size_t untold_ = 0;
};

TEST_F(EvaluationForms, WhatIsntMeasuredIsNoResult) {
  for (const Form& form : featureForms()) {
    writeForm(form);
    const std::string features = folder_ / "f.npy";
    for (const char* verb : {"open-set", "fisher"})
      evaluate({verb, "--features", features}, concat(verb, ", ", form.name), form);
    evaluate({"blufr", "--features", features, "--trials", folder_ / "trials.json"},
             concat("blufr, ", form.name), form);
    for (const char* compat : {"none", "devkit"}) {
      evaluate({"megaface", "--probes", folder_ / "probes.json", "--distractors",
                folder_ / "distractors.json", "--feature-root", features, "--compat", compat},
               concat("megaface ", compat, ", ", form.name), form);
    }
    writeFileAtomically(folder_ / "pairs.txt", pairLists()[0].text);
    for (const char* protocol : {"sphereface", "insightface", "facenet", "best", "youden"}) {
      evaluate(
          {"lfw", "--features", features, "--pairs", folder_ / "pairs.txt", "--protocol", protocol},
          concat("lfw ", protocol, ", ", form.name), form);
    }
  }
  const Form good = featureForms()[0];
  writeForm(good);
  for (const List& list : pairLists()) {
    writeFileAtomically(folder_ / "pairs.txt", list.text);
    for (const char* protocol : {"sphereface", "facenet", "best"}) {
      evaluate({"lfw", "--features", folder_ / "f.npy", "--pairs", folder_ / "pairs.txt",
                "--protocol", protocol},
               concat("lfw ", protocol, ", list ", list.name), good);
    }
  }
  std::printf("%zu evaluations, %zu of them refused, %zu rates not told\n", count_, refused_,
              untold_);
  EXPECT_GE(count_, 60U);
  EXPECT_GT(untold_, 60U);
  EXPECT_LT(refused_, count_ / 2);
}

}  // namespace
}  // namespace sphereface
