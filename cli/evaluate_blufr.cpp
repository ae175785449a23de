// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <cstdio>
#include <filesystem>
#include <memory>

#include "base/json.h"
#include "base/parallel.h"
#include "cli/evaluate.h"
#include "cli/options.h"
#include "evaluation/blufr.h"
#include "evaluation/blufr_report.h"
#include "evaluation/feature_file.h"

namespace sphereface {
namespace {

struct Options {
  std::filesystem::path features;
  std::filesystem::path trials;
  std::filesystem::path json;
};

void run(const Options& options) {
  needFolder("--json", options.json);
  const BlufrTrials trials = readBlufrTrials(options.trials);
  const FeatureSet features = readFeatures(options.features);
  const std::vector<BlufrTrialResult> results = evaluateBlufr(trials, features, availableThreads());
  std::fputs(blufrTable(results).c_str(), stdout);
  writeJsonFile(options.json, blufrJson(results, trials, features));
}

}  // namespace

void addEvaluateBlufr(const Command& evaluate) {
  auto options = std::make_shared<Options>();
  const Command verb = evaluate.verb(
      "blufr", "LFW by BLUFR's trials: verification of all pairs, and open-set identification");
  verb.required("--features", &options->features, "Features, .sff or .npy");
  verb.required("--trials", &options->trials,
                "The trials' index lists as JSON (docs/evaluation.md says how it looks)");
  verb.required("--json", &options->json, "Where to write the results");
  verb.footer(
      "Example: sphereface evaluate blufr --features lfw.sff --trials blufr.json --json out.json");
  verb.action([options] { run(*options); });
}

}  // namespace sphereface
