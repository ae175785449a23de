// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <cstdio>
#include <memory>

#include "base/error.h"
#include "base/json.h"
#include "base/printable.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/work_sharing.h"
#include "evaluation/extract_parts.h"
#include "model/checkpoint.h"

namespace sphereface {
namespace {

struct Options {
  PartsOptions parts;
  std::filesystem::path input;
  std::string mirror = "concat";
  std::filesystem::path json;
};

void report(const Options& options, const PartsResult& result, const PassedOver& passed_over) {
  const FeatureSet& description = result.description;
  std::printf("%zu features of %zu numbers (mirror: %s) in %s\nmodel %s\n", result.features,
              description.dim, description.mirror.c_str(), options.parts.output.c_str(),
              description.model_sha256.c_str());
  if (result.found_parts > 0) {
    std::printf("%zu of %zu parts were there already\n", result.found_parts, result.parts);
  }
  if (!result.bad.empty()) {
    std::printf(
        "left out: %s\n",
        printable(describeBadImages(result.bad, result.features + result.bad.size())).c_str());
  }
  if (!passed_over.empty()) {
    std::printf("passed over, as no images: %s\n", printableLine(passed_over.text()).c_str());
  }
  if (options.json.empty()) return;
  Json json;
  json["features"] = result.features;
  json["dim"] = description.dim;
  json["mirror"] = description.mirror;
  json["model_sha256"] = description.model_sha256;
  json["output"] = options.parts.output.string();
  json["parts"] = result.parts;
  json["found_parts"] = result.found_parts;
  json["passed_over"] = passed_over.toJson();
  json["bad_images"] = Json::array();
  for (const BadImage& image : result.bad)
    json["bad_images"].push_back({{"name", image.name}, {"reason", image.reason}});
  writeJsonFile(options.json, json);
}

void run(Options options, WorkSharing& sharing) {
  needFolder("--json", options.json);
  needFolder("--output", options.parts.output);
  options.parts.extract.mirror = mirrorFromName(options.mirror);
  if (options.parts.file_ending.empty()) {
    needFeatureSuffix(options.parts.output);
  } else if (std::filesystem::exists(options.parts.output)) {
    throw UsageError(concat("--output: ", options.parts.output.string(), " exists already"));
  }
  ExtractOptions& extract = options.parts.extract;
  const std::filesystem::path checkpoint = findCheckpoint(extract.checkpoint);
  if (checkpoint != extract.checkpoint && sharing.isShared()) {
    throw UsageError(concat("--checkpoint: ", extract.checkpoint.string(),
                            " is a run folder, whose newest checkpoint may be another one for each "
                            "rank: name it, ",
                            checkpoint.string()));
  }
  extract.checkpoint = checkpoint;
  if (sharing.otherRanksDidIt()) return;
  RankGroup& ranks = sharing.ranks();
  extract.threads = static_cast<int>(threadsOf(ranks, static_cast<size_t>(extract.threads)));
  extract.device_index = static_cast<int>(ranks.placeOnHost());
  const ImageSource source = openImageSource(options.input);
  const PartsResult result = extractInParts(options.parts, source, ranks);
  if (ranks.isFirst()) report(options, result, source.passed_over);
}

}  // namespace

void addExtractCommand(const Command& app, WorkSharing& sharing) {
  auto options = std::make_shared<Options>();
  const Command verb = app.verb("extract", "Compute the features of images with a checkpoint");
  verb.required("--checkpoint", &options->parts.extract.checkpoint,
                "Checkpoint folder, or that of a run: its newest");
  verb.required("--input", &options->input,
                "Folder of aligned images, packed data set, insightface set (.bin), or text file "
                "listing images");
  verb.required("--output", &options->parts.output, "Feature file: .sff or .npy; or a new folder");
  verb.option("--file-ending", &options->parts.file_ending,
              "Makes --output a folder of MegaFace's feature files, one an image: OUTPUT/PATH + "
              "this, such as _sphereface.bin");
  verb.setting("--mirror", &options->mirror,
               "What the mirrored image adds: none, concat (SphereFace), sum (ArcFace)");
  verb.setting("--batch", {&options->parts.extract.batch, "[1, 65536]"}, "Images of a pass");
  addDeviceOption(verb, options->parts.extract.device);
  verb.setting("--threads", {&options->parts.extract.threads, "[0, 4096]"},
               "Threads of a rank that read images and, on a CPU, compute; 0: all cores");
  sharing.addOptions(verb);
  verb.flag("--skip-bad-images", &options->parts.skip_bad_images,
            "Leave out images that can't be used, and name them; otherwise that is an error");
  verb.option("--json", &options->json, "Also write the result here");
  verb.footer(
      "What is done is kept in OUTPUT.parts, from where an extraction that was cut off goes on; "
      "with "
      "--device cuda\nthe ranks of a host take its GPUs in turn.\n"
      "Example: sphereface extract --checkpoint runs/casia/checkpoints/step-00028000 "
      "--input lfw-aligned --output lfw.sff");
  verb.action([options, &sharing] { run(*options, sharing); });
}

}  // namespace sphereface
