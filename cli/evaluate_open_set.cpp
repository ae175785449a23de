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

void addEvaluateOpenSet(const Command& evaluate) {
  auto options = std::make_shared<Options>();
  OpenSetOptions& open_set = options->open_set;
  const Command verb =
      evaluate.verb("open-set", "Naming people of a gallery among strangers: rates and thresholds");
  verb.required("--features", &options->features,
                "Features, .sff or .npy; the folder of a name is its person");
  verb.setting("--gallery-people", &open_set.gallery_people,
               "How many are in the gallery; 0: half of those with enough images");
  verb.setting("--photographs", &open_set.photographs, "Images of each in the gallery").positive();
  verb.setting("--draws", &open_set.draws, "How often gallery and probes are drawn").positive();
  verb.setting("--seed", &open_set.seed, "Of the draws");
  verb.required("--json", &options->json, "Where to write the results");
  verb.footer("Example: sphereface evaluate open-set --features lfw.sff --json open_set.json");
  verb.action([options] { run(*options); });
}

}  // namespace sphereface
