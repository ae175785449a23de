// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <chrono>
#include <cstdio>
#include <iostream>

#include "base/error.h"
#include "base/json.h"
#include "cli/commands.h"
#include "data/pack.h"

namespace sphereface {
namespace {

struct Options {
  PackOptions pack;
  std::string size = concat(kAlignedHeight, "x", kAlignedWidth);
  std::string alignment;
  std::string json;
};

void parseSize(const std::string& text, PackOptions& options) {
  int length = 0;
  if (std::sscanf(text.c_str(), "%dx%d%n", &options.height, &options.width, &length) != 2 ||
      static_cast<size_t>(length) != text.size() || options.height < 1 || options.width < 1) {
    throw UsageError(concat("--size ", text, ": expected HEIGHTxWIDTH, such as 112x96"));
  }
}

void run(Options options) {
  PackOptions& pack = options.pack;
  parseSize(options.size, pack);
  const bool template_size = pack.height == kAlignedHeight && pack.width == kAlignedWidth;
  pack.alignment = !options.alignment.empty() ? options.alignment
                   : template_size            ? kAlignmentTemplate
                                              : "unknown";
  const auto start = std::chrono::steady_clock::now();
  const PackResult result = packDataset(pack);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;

  const DatasetManifest& manifest = result.manifest;
  std::cout << manifest.records() << " images of " << manifest.classes() << " identities in "
            << pack.output.string() << " (" << result.bytes << " bytes)\n"
            << "SHA-256 of the records: " << manifest.sha256() << "\n";
  for (const std::string& problem : result.skipped)
    std::cout << "left out: " << problem << "\n";
  for (const std::string& name : result.empty_identities) {
    std::cout << "left out: identity " << name << ", which has no usable image\n";
  }
  if (options.json.empty()) return;
  Json json;
  json["output"] = pack.output.string();
  json["records"] = manifest.records();
  json["classes"] = manifest.classes();
  json["bytes"] = result.bytes;
  json["sha256"] = manifest.sha256();
  json["skipped"] = result.skipped;
  json["empty_identities"] = result.empty_identities;
  json["seconds"] = seconds.count();
  json["images_per_second"] = static_cast<double>(manifest.records()) / seconds.count();
  writeJsonFile(options.json, json);
}

}  // namespace

void addPackCommand(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("pack", "Packs aligned faces into an LMDB data set");
  verb->add_option("--input", options->pack.input,
                   "Folder with one folder per identity, or a list of lines `path label`")
      ->required();
  verb->add_option("--output", options->pack.output, "Folder of the data set to make")->required();
  verb->add_option("--seed", options->pack.seed, "Seed of the order of the records")
      ->capture_default_str();
  verb->add_flag("--shuffle,!--no-shuffle", options->pack.shuffle,
                 "Store the records in shuffled order (default) or as they come");
  verb->add_option("--reencode", options->pack.reencode,
                   "Encode all images as JPEG of this quality; default: keep the files' bytes")
      ->check(CLI::Range(1, 100));
  verb->add_option("--size", options->size, "HEIGHTxWIDTH that every image must have")
      ->capture_default_str();
  verb->add_option("--alignment", options->alignment,
                   concat("Template the faces were aligned to; default: ", kAlignmentTemplate,
                          " for that size, else unknown"));
  verb->add_flag("--skip-bad", options->pack.skip_bad,
                 "Leave out images that can't be used, and list them");
  verb->add_flag("--force", options->pack.force, "Replace an existing data set");
  verb->add_option("--threads", options->pack.threads, "Threads that read and check images")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  verb->add_option("--json", options->json, "Write the results to this file");
  verb->footer("Example: sphereface pack --input aligned/ --output train.lmdb --seed 7");
  verb->callback([options] { run(*options); });
}

}  // namespace sphereface
