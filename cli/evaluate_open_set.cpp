// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <cstdio>
#include <filesystem>
#include <memory>

#include "base/error.h"
#include "base/json.h"
#include "base/parallel.h"
#include "cli/evaluate.h"
#include "cli/options.h"
#include "evaluation/feature_file.h"
#include "evaluation/open_set.h"
#include "evaluation/open_set_report.h"

namespace sphereface {
namespace {

struct Options {
  std::filesystem::path features;
  OpenSetOptions open_set;
  std::filesystem::path json;
};

void run(Options options) {
  needFolder("--json", options.json);
  const FeatureSet features = readFeatures(options.features);
  options.open_set.threads = availableThreads();
  const OpenSetResult result = evaluateOpenSet(features, options.open_set);
  std::fputs(openSetTable(result).c_str(), stdout);
  writeJsonFile(options.json, openSetJson(result, features));
}

}  // namespace

void addEvaluateOpenSet(CLI::App& evaluate) {
  auto options = std::make_shared<Options>();
  OpenSetOptions& open_set = options->open_set;
  CLI::App* verb = evaluate.add_subcommand(
      "open-set", "Naming people of a gallery among strangers: rates and thresholds");
  verb->add_option("--features", options->features,
                   "Features, .sff or .npy; the folder of a name is its person")
      ->required();
  verb->add_option("--gallery-people", open_set.gallery_people,
                   "How many are in the gallery; 0: half of those with enough images")
      ->capture_default_str();
  verb->add_option("--photographs", open_set.photographs, "Images of each in the gallery")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  verb->add_option("--draws", open_set.draws, "How often gallery and probes are drawn")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  verb->add_option("--seed", open_set.seed, "Of the draws")->capture_default_str();
  verb->add_option("--json", options->json, "Where to write the results")->required();
  verb->footer("Example: sphereface evaluate open-set --features lfw.sff --json open_set.json");
  verb->callback([options] { run(*options); });
}

}  // namespace sphereface
