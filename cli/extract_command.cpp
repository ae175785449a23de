// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <cstdio>
#include <memory>

#include "base/error.h"
#include "base/json.h"
#include "cli/commands.h"
#include "evaluation/devkit_feature.h"
#include "evaluation/extract.h"

namespace sphereface {
namespace {

struct Options {
  ExtractOptions extract;
  std::filesystem::path input;
  std::filesystem::path output;
  std::string file_ending;
  std::string mirror = "concat";
  std::filesystem::path json;
};

void run(Options options) {
  options.extract.mirror = mirrorFromName(options.mirror);
  const bool devkit = !options.file_ending.empty();
  if (devkit && std::filesystem::exists(options.output)) {
    throw UsageError(concat("--output: ", options.output.string(), " exists already"));
  }
  const FeatureSet features = extractFeatures(options.extract, openImageSource(options.input));
  if (devkit) {
    writeDevkitFeatures(options.output, options.file_ending, features);
  } else {
    writeFeatures(options.output, features);
  }
  std::printf("%zu features of %zu numbers (mirror: %s) in %s\nmodel %s\n", features.rows,
              features.dim, features.mirror.c_str(), options.output.c_str(),
              features.model_sha256.c_str());
  if (options.json.empty()) return;
  Json result;
  result["features"] = features.rows;
  result["dim"] = features.dim;
  result["mirror"] = features.mirror;
  result["model_sha256"] = features.model_sha256;
  result["output"] = options.output.string();
  writeJsonFile(options.json, result);
}

}  // namespace

void addExtractCommand(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* verb =
      app.add_subcommand("extract", "Compute the features of images with a checkpoint");
  verb->add_option("--checkpoint", options->extract.checkpoint, "Checkpoint folder")->required();
  verb->add_option(
          "--input", options->input,
          "Folder of aligned images, packed data set, insightface set (.bin), or text file "
          "listing images")
      ->required();
  verb->add_option("--output", options->output, "Feature file: .sff or .npy; or a new folder")
      ->required();
  verb->add_option("--file-ending", options->file_ending,
                   "Makes --output a folder of MegaFace's feature files, one an image: "
                   "OUTPUT/PATH + this, such as _sphereface.bin");
  verb->add_option("--mirror", options->mirror,
                   "What the mirrored image adds: none, concat (SphereFace), sum (ArcFace)")
      ->capture_default_str();
  verb->add_option("--batch", options->extract.batch, "Images of a pass")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  addDeviceOption(*verb, options->extract.device);
  verb->add_option("--threads", options->extract.threads,
                   "Threads that read images and, on a CPU, compute; 0: all cores")
      ->capture_default_str();
  verb->add_option("--json", options->json, "Also write the result here");
  verb->footer(
      "Example: sphereface extract --checkpoint runs/casia/checkpoints/step-00028000 "
      "--input lfw-aligned --output lfw.sff");
  verb->callback([options] { run(*options); });
}

}  // namespace sphereface
