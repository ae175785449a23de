// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "evaluation/feature_file.h"
#include "evaluation/feature_join.h"

namespace sphereface {
namespace {

struct Options {
  std::vector<std::filesystem::path> inputs;
  std::filesystem::path output;
  bool unit = false;
  std::filesystem::path json;
};

void run(const Options& options) {
  needFolder("--output", options.output);
  needFolder("--json", options.json);
  std::vector<FeatureSet> parts;
  std::vector<std::string> labels;
  for (const std::filesystem::path& input : options.inputs) {
    parts.push_back(readFeatures(input));
    labels.push_back(input.string());
  }
  const FeatureSet features =
      joinFeatures(parts, labels, options.unit ? PartLength::kUnit : PartLength::kAsItIs);
  writeFeatures(options.output, features);
  std::printf("%zu features of %zu numbers in %s\n", features.rows, features.dim,
              options.output.c_str());
  if (options.json.empty()) return;
  writeJsonFile(options.json, {{"features", features.rows},
                               {"dim", features.dim},
                               {"unit", options.unit},
                               {"mirror", features.mirror},
                               {"model_sha256", features.model_sha256},
                               {"output", options.output.string()}});
}

}  // namespace

void addFeaturesCommand(const Command& app) {
  auto options = std::make_shared<Options>();
  const Command features = app.verb("features", "Work on feature files");
  features.needVerb();
  features.footer("Example: sphereface features join --help");
  const Command verb = features.verb(
      "join", "Ensemble: the features of several networks or face patches, one behind the other");
  verb.required("inputs", &options->inputs, "Feature files of the same images, .sff or .npy")
      .atLeast(2);
  verb.required("--output", &options->output, "Feature file: .sff or .npy");
  verb.flag("--unit", &options->unit,
            "Make each part a unit vector first, so that all weigh the same");
  verb.option("--json", &options->json, "Also write the result here");
  verb.footer("Example: sphereface features join eyes.sff face.sff --output ensemble.sff");
  verb.action([options] { run(*options); });
}

}  // namespace sphereface
