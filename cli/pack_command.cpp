// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/pack.h"

#include <cstdio>

#include "base/error.h"
#include "base/json.h"
#include "base/parallel.h"
#include "cli/commands.h"

namespace sphereface {
namespace {

struct Options {
  PackOptions pack;
  std::string size = concat(kAlignedHeight, "x", kAlignedWidth);
  std::filesystem::path json;
};

void parseSize(const std::string& text, PackOptions& options) {
  char rest = 0;
  if (std::sscanf(text.c_str(), "%dx%d%c", &options.height, &options.width, &rest) != 2 ||
      options.height < 1 || options.width < 1) {
    throw UsageError(concat("--size ", text, ": expected HEIGHTxWIDTH"));
  }
}

void run(Options options) {
  parseSize(options.size, options.pack);
  const PackResult result = pack(options.pack);
  const DatasetManifest& manifest = result.manifest;
  for (const std::string& reason : result.skipped) std::printf("left out: %s\n", reason.c_str());
  std::printf("%s: %llu images of %u identities, %.1f MB, in %.1f s (%.0f images/s)%s\n",
              options.pack.output.c_str(), static_cast<unsigned long long>(manifest.records()),
              manifest.classes(), static_cast<double>(result.bytes) / 1e6, result.seconds,
              static_cast<double>(manifest.records()) / result.seconds,
              result.skipped.empty() ? ""
                                     : concat("; ", result.skipped.size(), " left out").c_str());
  if (options.json.empty()) return;
  Json json;
  json["output"] = options.pack.output.string();
  json["records"] = manifest.records();
  json["classes"] = manifest.classes();
  json["bytes"] = result.bytes;
  json["seconds"] = result.seconds;
  json["skipped"] = result.skipped;
  json["sha256"] = manifest.sha256();
  writeJsonFile(options.json, json);
}

}  // namespace

void addPackCommand(CLI::App& app) {
  auto options = std::make_shared<Options>();
  options->pack.threads = availableThreads();
  CLI::App* verb = app.add_subcommand("pack", "Pack aligned faces into an LMDB of Caffe Datums");
  verb->add_option("--input", options->pack.input,
                   "Folder with a folder of images for each person, or a text file of \"path label\"")
      ->required();
  verb->add_option("--output", options->pack.output, "Folder of the packed data set")->required();
  verb->add_option("--seed", options->pack.seed, "Of the shuffled order")->capture_default_str();
  verb->add_flag("!--no-shuffle", options->pack.shuffle, "Keep the input's order");
  verb->add_flag("--force", options->pack.force, "Replace the output if it exists");
  verb->add_flag("--skip-bad", options->pack.skip_bad,
                 "Leave out images that can't be used, instead of failing");
  verb->add_option("--size", options->size, "HEIGHTxWIDTH every image must have")
      ->capture_default_str();
  verb->add_option("--alignment", options->pack.alignment, "Name of the template the faces are aligned to")
      ->capture_default_str();
  verb->add_option("--threads", options->pack.threads)->capture_default_str();
  verb->add_option("--json", options->json, "Also write the result here");
  verb->footer("Example: sphereface pack --input casia-aligned --output casia-112x96.lmdb");
  verb->callback([options] { run(*options); });
}

}  // namespace sphereface
