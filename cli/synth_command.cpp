// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <chrono>
#include <iostream>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "data/synth/synth.h"
#include "data/synth/synth_pairs.h"

namespace sphereface {
namespace {

struct Options {
  SynthOptions synth;
  PairsOptions pairs;
  std::string pairs_file;
  std::string json;
};

void run(Options options) {
  const SynthOptions& synth = options.synth;
  // A picture is too small to be worth OpenCV's own threads beside ours.
  cv::setNumThreads(1);
  options.pairs.identities = synth.identities;
  options.pairs.first_identity = synth.first_identity;
  options.pairs.images_per_identity = synth.images_per_identity;
  options.pairs.seed = synth.seed;
  const std::string pairs = options.pairs_file.empty() ? "" : makePairs(options.pairs);

  const auto start = std::chrono::steady_clock::now();
  writeSyntheticFaces(synth);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  const uint64_t images = synth.identities * synth.images_per_identity;
  std::cout << images << " faces of " << synth.identities << " identities in " << synth.out.string()
            << "\n";
  Json json;
  json["out"] = synth.out.string();
  json["identities"] = synth.identities;
  json["first_identity"] = synth.first_identity;
  json["images"] = images;
  json["seed"] = synth.seed;
  json["seconds"] = seconds.count();
  json["images_per_second"] = static_cast<double>(images) / seconds.count();
  if (!options.pairs_file.empty()) {
    writeFileAtomically(options.pairs_file, pairs);
    const uint64_t per_fold = pairsPerFold(options.pairs);
    std::cout << options.pairs.folds << " folds of " << per_fold << " matched and " << per_fold
              << " mismatched pairs in " << options.pairs_file << "\n";
    json["pairs"] = options.pairs_file;
    json["folds"] = options.pairs.folds;
    json["pairs_per_fold"] = per_fold;
  }
  if (!options.json.empty()) writeJsonFile(options.json, json);
}

}  // namespace

void addSynthCommand(const Command& app) {
  auto options = std::make_shared<Options>();
  SynthOptions& synth = options->synth;
  const Command verb = app.verb("synth", "Paints procedural faces, aligned and named");
  verb.required("--out", &synth.out, "Folder to make, with one folder per identity");
  verb.setting("--identities", {&synth.identities, "[1, 1000000000]"}, "Number of identities");
  verb.setting("--images-per-identity", {&synth.images_per_identity, "[1, 1000000]"},
               "Images of each identity");
  verb.setting("--seed", {&synth.seed, kAnySeed}, "Seed of identities, images and pairs");
  verb.setting("--first-identity", {&synth.first_identity, "[0, 1000000000000000]"},
               "Number of the first identity; other numbers are other people");
  verb.option("--pairs", &options->pairs_file,
              "Also write verification pairs of these faces, in the format of LFW");
  verb.setting("--folds", {&options->pairs.folds, "[1, 1000000]"}, "Folds of the pairs");
  verb.setting("--pairs-per-fold", {&options->pairs.pairs_per_fold, "[1, 1000000000]"},
               "Matched pairs of each fold, and as many mismatched; fewer if there are fewer");
  verb.setting("--threads", {&synth.threads, "[1, 4096]"}, "Threads that paint");
  verb.option("--json", &options->json, "Write the results to this file");
  verb.footer(
      "Example: sphereface synth --out faces/ --identities 300 --images-per-identity 20 --seed 1");
  verb.action([options] { run(*options); });
}

}  // namespace sphereface
