// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/json.h"
#include "base/parallel.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "data/align/alignment_template.h"
#include "evaluation/extract.h"
#include "evaluation/feature_file.h"
#include "evaluation/image_source.h"
#include "evaluation/lfw_protocol.h"
#include "evaluation/lfw_report.h"
#include "evaluation/pairs.h"
#include "evaluation/verification_rule.h"
#include "evaluation/verification_set.h"
#include "model/checkpoint.h"
#include "run/run_scores.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

struct LfwOptions {
  fs::path pairs;
  fs::path features;
  fs::path checkpoint;
  fs::path run;
  fs::path images;
  bool raw_pixels = false;
  std::string protocol = "sphereface";
  std::string mirror;
  Device device = Device::kCpu;
  fs::path plots;
  fs::path report;
  fs::path json;
  bool check = false;
};

struct Input {
  PairList list;
  ImageSource images;  // none with features from a file
};

Input openInput(const LfwOptions& options) {
  if (isVerificationSet(options.pairs)) {
    if (!options.images.empty()) {
      throw UsageError(concat("--images: the images are in ", options.pairs.string()));
    }
    VerificationSet set = readVerificationSet(options.pairs);
    return {std::move(set.pairs), std::move(set.images)};
  }
  if (options.images.empty() && options.features.empty()) {
    throw UsageError("all but --features need --images, or a .bin as --pairs");
  }
  if (!options.features.empty() && !options.images.empty() && options.report.empty()) {
    throw UsageError("--images with --features is for the pictures of --report");
  }
  Input input{readPairs(options.pairs), {}};
  if (!options.images.empty()) {
    input.images = namedImages(options.images, distinctImages(input.list));
  }
  return input;
}

FeatureSet featuresOf(const LfwOptions& options, const ImageSource& images) {
  if (options.raw_pixels) {
    return pixelFeatures(alignedTo(kAlignmentTemplate, images), availableThreads());
  }
  if (!options.checkpoint.empty()) {
    ExtractOptions extract;
    extract.checkpoint = findCheckpoint(options.checkpoint);
    extract.device = options.device;
    extract.mirror = options.mirror.empty() ? verificationRule(options.protocol).mirror
                                            : mirrorFromName(options.mirror);
    return extractFeatures(extract, images);
  }
  return readFeatures(options.features);
}

/// The run's newest checkpoint unless another is given; results go into the run folder unless they
/// are asked for elsewhere.
void takeRun(LfwOptions& options) {
  if (options.checkpoint.empty()) options.checkpoint = newestCheckpoint(options.run);
  const fs::path folder = options.run / "evaluations";
  fs::create_directories(folder);
  const std::string name =
      concat(options.checkpoint.filename().string(), "-lfw-", options.protocol);
  if (options.json.empty()) options.json = folder / (name + ".json");
  if (options.report.empty()) options.report = folder / (name + ".html");
}

void runLfw(LfwOptions options) {
  if (options.json.empty() && options.run.empty()) throw UsageError("--json is required");
  if (options.features.empty() && options.checkpoint.empty() && options.run.empty() &&
      !options.raw_pixels) {
    throw UsageError("what is evaluated? --features, --checkpoint, --run or --raw-pixels");
  }
  needFolder("--json", options.json);
  needFolder("--report", options.report);
  const auto [list, images] = openInput(options);
  // Said before features are extracted, which may take hours.
  const VerificationRule rule = verificationRule(options.protocol);
  for (const std::string& warning : pairWarnings(rule, list))
    std::fprintf(stderr, "warning: %s: %s\n", options.pairs.c_str(), warning.c_str());
  if (options.check) return;
  if (!options.run.empty()) takeRun(options);
  const FeatureSet features = featuresOf(options, images);
  const LfwResult result = evaluateLfw(rule, list, features, availableThreads());
  std::fputs(lfwTable(result, features).c_str(), stdout);
  const Json whole = lfwJson(result, list, features);
  writeJsonFile(options.json, whole);
  const std::string label = options.raw_pixels         ? "raw pixels"
                            : options.features.empty() ? options.checkpoint.filename().string()
                                                       : options.features.filename().string();
  if (!options.plots.empty()) writeLfwPlots(options.plots, result, label);
  if (!options.report.empty()) {
    writeFileAtomically(options.report, lfwPage(result, list, features, label, images));
  }
  if (!options.run.empty()) appendScores(options.run, options.checkpoint, lfwScores(result, whole));
}

}  // namespace

void addEvaluateLfw(const Command& evaluate) {
  auto options = std::make_shared<LfwOptions>();
  const Command verb = evaluate.verb(
      "lfw", "Accuracy on pairs of faces in LFW's format, by one of the published protocols");
  verb.required("--pairs", &options->pairs,
                "List of pairs: LFW's pairs.txt, or lines `A B SAME` or `SAME A B` with SAME 0 or "
                "1; or an insightface set with its images, .bin");
  verb.option("--images", &options->images,
              "Folder of aligned faces, NAME/NAME_0001.jpg; with --features for the pictures of "
              "--report alone");
  const Command source = verb.atMostOneOf("What is evaluated");
  const Option features = source.option("--features", &options->features, "Features, .sff or .npy");
  source.option(
      "--checkpoint", &options->checkpoint,
      "Checkpoint folder, or that of a run (its newest), of the network that makes the features");
  const Option raw_pixels =
      source.flag("--raw-pixels", &options->raw_pixels,
                  "Grey pixels of the images: what is scored without learning");
  verb.option("--run", &options->run,
              "Run folder: its newest checkpoint, or the one given, is evaluated, and the result "
              "is also written to its evaluations.jsonl, which metrics and dashboard show")
      .excludes(features)
      .excludes(raw_pixels);
  verb.setting("--protocol", &options->protocol,
               "sphereface: centred cosine, ten folds, mean of the best thresholds. insightface: "
               "squared distance, ten folds, first best of 0, 0.01, ... facenet: angle, centred, "
               "ten folds. best, youden: one threshold chosen on all pairs (optimistic)")
      .oneOf(verificationRuleNames());
  verb.option("--mirror", &options->mirror,
              "What the mirrored image adds with --checkpoint: none, concat or sum; left out: as "
              "the protocol's project does (sphereface and facenet concat, insightface sum, best "
              "and youden none)")
      .excludes(features)
      .excludes(raw_pixels);
  addDeviceOption(verb, options->device);
  verb.option("--plots", &options->plots, "Folder for pictures of ROC and scores");
  verb.option("--report", &options->report,
              "Also write the results as one HTML page, with ROC, scores, folds and the pairs that "
              "are got wrong");
  verb.option("--json", &options->json,
              "Where to write the results (default with --run: its evaluations/)");
  verb.flag("--check", &options->check,
            "Only look whether the pairs and all their images are there");
  verb.footer(
      "Example: sphereface evaluate lfw --pairs pairs.txt --images lfw-aligned "
      "--checkpoint runs/casia/checkpoints/step-00028000 --json lfw.json --plots plots");
  verb.action([options] { runLfw(*options); });
}

}  // namespace sphereface
