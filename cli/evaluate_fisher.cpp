// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <cstdio>
#include <filesystem>
#include <memory>

#include "base/atomic_file.h"
#include "base/json.h"
#include "base/parallel.h"
#include "cli/evaluate.h"
#include "cli/options.h"
#include "evaluation/angular_fisher.h"
#include "evaluation/feature_file.h"
#include "evaluation/fisher_report.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

struct Options {
  fs::path features;
  fs::path report;
  fs::path json;
};

void run(const Options& options) {
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

}  // namespace

void addEvaluateFisher(const Command& evaluate) {
  auto options = std::make_shared<Options>();
  const Command verb =
      evaluate.verb("fisher", "Angular Fisher score, and the angles within and between people");
  verb.required("--features", &options->features,
                "Features, .sff or .npy; the folder of a name is its class");
  verb.option("--report", &options->report,
              "Also write the results as one HTML page, with histograms of the angles");
  verb.required("--json", &options->json, "Where to write the results");
  verb.footer("Example: sphereface evaluate fisher --features lfw.sff --json fisher.json");
  verb.action([options] { run(*options); });
}

}  // namespace sphereface
