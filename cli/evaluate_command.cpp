// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// `sphereface evaluate`, with those of its benchmarks that need no more than features.

#include <cstdio>
#include <filesystem>
#include <memory>
#include <vector>

#include "base/atomic_file.h"
#include "base/json.h"
#include "base/parallel.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "evaluation/angular_fisher.h"
#include "evaluation/blufr.h"
#include "evaluation/feature_file.h"
#include "evaluation/open_set.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

struct Options {
  fs::path features;
  fs::path json;
  OpenSetOptions open_set;
  fs::path trials;  // blufr
  fs::path report;  // fisher
};

void runOpenSet(Options options) {
  needFolder("--json", options.json);
  const FeatureSet features = readFeatures(options.features);
  options.open_set.threads = availableThreads();
  const OpenSetResult result = evaluateOpenSet(features, options.open_set);
  std::fputs(openSetTable(result).c_str(), stdout);
  writeJsonFile(options.json, openSetJson(result, features));
}

void addOpenSet(const Command& evaluate) {
  auto options = std::make_shared<Options>();
  OpenSetOptions& open_set = options->open_set;
  const Command verb =
      evaluate.verb("open-set", "Naming people of a gallery among strangers: rates and thresholds");
  verb.required("--features", &options->features,
                "Features, .sff or .npy; the folder of a name is its person");
  verb.setting("--gallery-people", {&open_set.gallery_people, "[0, 1000000000]"},
               "How many are in the gallery; 0: half of those with enough images");
  verb.setting("--photographs", {&open_set.photographs, "[1, 1000000]"},
               "Images of each in the gallery");
  verb.setting("--draws", {&open_set.draws, "[1, 100000]"},
               "How often gallery and probes are drawn");
  verb.setting("--seed", {&open_set.seed, kAnySeed}, "Of the draws");
  verb.required("--json", &options->json, "Where to write the results");
  verb.footer("Example: sphereface evaluate open-set --features lfw.sff --json open_set.json");
  verb.action([options] { runOpenSet(*options); });
}

void runBlufr(const Options& options) {
  needFolder("--json", options.json);
  const BlufrTrials trials = readBlufrTrials(options.trials);
  const FeatureSet features = readFeatures(options.features);
  const std::vector<BlufrTrialResult> results = evaluateBlufr(trials, features, availableThreads());
  std::fputs(blufrTable(results).c_str(), stdout);
  writeJsonFile(options.json, blufrJson(results, trials, features));
}

void addBlufr(const Command& evaluate) {
  auto options = std::make_shared<Options>();
  const Command verb = evaluate.verb(
      "blufr", "LFW by BLUFR's trials: verification of all pairs, and open-set identification");
  verb.required("--features", &options->features, "Features, .sff or .npy");
  verb.required("--trials", &options->trials,
                "The trials' index lists as JSON (docs/evaluation.md says how it looks)");
  verb.required("--json", &options->json, "Where to write the results");
  verb.footer(
      "Example: sphereface evaluate blufr --features lfw.sff --trials blufr.json --json out.json");
  verb.action([options] { runBlufr(*options); });
}

void runFisher(const Options& options) {
  needFolder("--json", options.json);
  needFolder("--report", options.report);
  const FeatureSet features = readFeatures(options.features);
  const AngularFisher result = angularFisher(features, availableThreads());
  std::fputs(fisherTable(result).c_str(), stdout);
  writeJsonFile(options.json, fisherJson(result, features));
  if (!options.report.empty()) {
    writeFileAtomically(options.report,
                        fisherPage(result, features, options.features.filename().string()));
  }
}

void addFisher(const Command& evaluate) {
  auto options = std::make_shared<Options>();
  const Command verb =
      evaluate.verb("fisher", "Angular Fisher score, and the angles within and between people");
  verb.required("--features", &options->features,
                "Features, .sff or .npy; the folder of a name is its class");
  verb.option("--report", &options->report,
              "Also write the results as one HTML page, with histograms of the angles");
  verb.required("--json", &options->json, "Where to write the results");
  verb.footer("Example: sphereface evaluate fisher --features lfw.sff --json fisher.json");
  verb.action([options] { runFisher(*options); });
}

}  // namespace

void addEvaluateCommand(const Command& app, WorkSharing& sharing) {
  const Command evaluate = app.verb("evaluate", "Score features on a benchmark");
  evaluate.needVerb();
  evaluate.footer("Example: sphereface evaluate lfw --help");
  addEvaluateLfw(evaluate);
  addEvaluateMegaface(evaluate, sharing);
  addOpenSet(evaluate);
  addBlufr(evaluate);
  addFisher(evaluate);
}

}  // namespace sphereface
