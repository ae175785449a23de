// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/work_sharing.h"
#include "evaluation/feature_source.h"
#include "evaluation/megaface.h"
#include "evaluation/megaface_list.h"
#include "evaluation/megaface_report.h"
#include "run/run_scores.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

struct Options {
  fs::path probes;
  std::vector<fs::path> distractors;
  fs::path feature_root;
  fs::path distractor_root;
  std::string file_ending = ".bin";
  std::string compat = "none";
  fs::path probe_noise;
  fs::path distractor_noise;
  Device device = Device::kCpu;
  size_t memory_megabytes = 1024;
  size_t threads = 0;
  fs::path json;
  fs::path matches;
  fs::path report;
  fs::path run;
  MegafaceImages images;
};

/// A list and its features.
struct Images {
  MegafaceList list;
  FeatureSource features;
};

Images openImages(const fs::path& file, bool with_ids, const fs::path& root, const Options& options,
                  const RankGroup& ranks) {
  Images images{readMegafaceList(file, with_ids), {}};
  images.features = openFeatures(root, options.file_ending, images.list.paths, options.threads,
                                 ranks.isFirst() ? Check::kAll : Check::kHeader);
  return images;
}

/// Without the images of the noise list; says how many those were, and warns when it was none.
Images cleaned(const Images& images, const fs::path& noise, NoiseNames names,
               std::vector<std::string>& warnings) {
  if (noise.empty()) return images;
  CleanedList clean = removeNoise(images.list, noise, names);
  if (clean.removed == 0) {
    warnings.push_back(concat(noise.filename().string(), " names ", clean.named,
                              " images, none of which is in ", images.list.file));
  }
  std::printf("%s names %zu images, %zu of them in %s (%zu images)\n", noise.filename().c_str(),
              clean.named, clean.removed, images.list.file.c_str(), images.list.paths.size());
  return {std::move(clean.list), selectFeatures(images.features, std::move(clean.kept))};
}

void checkAlike(const Options& options, const Images& probes, const Images& distractors) {
  const FeatureSource& a = probes.features;
  const FeatureSource& b = distractors.features;
  if (a.dim != b.dim) {
    throw Error(concat("features of ", options.probes.string(), " have ", a.dim,
                       " numbers, those of ", distractors.list.file, " ", b.dim));
  }
  if (!a.model_sha256.empty() && !b.model_sha256.empty() && a.model_sha256 != b.model_sha256) {
    throw Error(concat("features of ", options.probes.string(), " are of model ", a.model_sha256,
                       ", those of ", distractors.list.file, " of ", b.model_sha256));
  }
}

void run(Options options, WorkSharing& sharing) {
  needFolder("--json", options.json);
  needFolder("--matches", options.matches);
  needFolder("--report", options.report);
  if (!options.matches.empty() && options.distractors.size() > 1) {
    throw UsageError("--matches is of one list of distractors");
  }
  if (options.feature_root.empty() && options.distractor_root.empty() &&
      options.file_ending != Options{}.file_ending) {
    throw UsageError(
        "--file-ending is of the files below --feature-root; without it the lists' paths are "
        "whole");
  }
  if (sharing.otherRanksDidIt()) return;
  RankGroup& ranks = sharing.ranks();
  if (options.distractor_root.empty()) options.distractor_root = options.feature_root;
  options.threads = threadsOf(ranks, options.threads);
  MegafaceOptions evaluation;
  evaluation.devkit = options.compat == "devkit";
  evaluation.threads = options.threads;
  evaluation.device = options.device;
  evaluation.memory_bytes = options.memory_megabytes << 20;
  const bool has_noise = !options.probe_noise.empty() || !options.distractor_noise.empty();

  const Images probes = openImages(options.probes, true, options.feature_root, options, ranks);
  fs::path checkpoint;
  if (!options.run.empty()) {
    checkpoint = checkpointOfModel(options.run, probes.features.model_sha256);
  }
  std::vector<std::string> probe_warnings;
  const Images clean_probes =
      cleaned(probes, options.probe_noise, NoiseNames::kBaseName, probe_warnings);
  const Scorer scorer(evaluation.devkit ? Similarity::kDevkit : Similarity::kCosine,
                      probes.features.dim);
  std::vector<MegafaceRun> runs;
  const auto evaluate = [&](const Images& searching, const Images& distractors, size_t listed,
                            bool clean, std::vector<std::string> warnings) {
    runs.push_back(
        {distractors.list.file, distractors.list.sha256, listed, clean,
         evaluateMegaface(scorer, prepareProbes(scorer, searching.list, searching.features),
                          distractors.features, evaluation, ranks),
         std::move(warnings)});
  };
  for (const fs::path& file : options.distractors) {
    const Images distractors = openImages(file, false, options.distractor_root, options, ranks);
    const size_t listed = distractors.list.paths.size();
    checkAlike(options, probes, distractors);
    evaluate(probes, distractors, listed, false, {});
    if (!has_noise) continue;
    // What there is to say of the probes is said with the first list.
    std::vector<std::string> warnings = std::exchange(probe_warnings, {});
    const Images clean =
        cleaned(distractors, options.distractor_noise, NoiseNames::kPath, warnings);
    evaluate(clean_probes, clean, listed, true, std::move(warnings));
  }
  if (!ranks.isFirst()) return;
  std::fputs(megafaceTable(runs).c_str(), stdout);
  const MegafaceSetting setting{probes.list.file, probes.list.sha256, evaluation.devkit,
                                probes.features.dim, probes.features.model_sha256};
  const Json whole = megafaceJson(runs, setting);
  writeJsonFile(options.json, whole);
  if (!options.matches.empty())
    writeJsonFile(options.matches, megafaceMatchesJson(runs.back().result));
  if (!options.report.empty()) {
    writeFileAtomically(options.report, megafacePage(runs, setting, options.images));
  }
  if (!checkpoint.empty()) {
    appendScores(options.run, checkpoint, megafaceScores(runs, whole));
  }
}

}  // namespace

void addEvaluateMegaface(const Command& evaluate, WorkSharing& sharing) {
  auto options = std::make_shared<Options>();
  const Command verb =
      evaluate.verb("megaface", "Identification among distractors, and verification against them");
  verb.required("--probes", &options->probes,
                "The kit's list of probes, such as facescrub_features_list.json");
  verb.required("--distractors", &options->distractors,
                "The kit's lists of distractors, such as megaface_features_list.json_1000000_1; "
                "several of one size are averaged, too");
  verb.option("--feature-root", &options->feature_root,
              "Features: a file (.sff, .npy) or the folder of the kit's files, FOLDER/PATH + "
              "--file-ending; left out: the lists' paths are the files, endings included");
  verb.option("--distractor-root", &options->distractor_root,
              "The distractors' features, when they aren't where the probes' are");
  verb.setting("--file-ending", &options->file_ending,
               "What the names of the kit's feature files have behind the image's");
  verb.setting("--compat", &options->compat,
               "devkit: score, negatives (of the first 100 probes) and curves as the kit's "
               "programs make them. none: cosine, all scores counted")
      .oneOf({"none", "devkit"});
  verb.option("--probe-noise", &options->probe_noise,
              "Base names of probes to leave out, a line each; results are given before and after");
  verb.option("--distractor-noise", &options->distractor_noise,
              "Paths of distractors to leave out, a line each");
  verb.setting("--memory", {&options->memory_megabytes, "[1, 1073741824]"},
               "MB of a rank for lists' names, probes, a block of distractors and the scores kept");
  addDeviceOption(verb, options->device);
  verb.setting("--threads", {&options->threads, "[0, 4096]"},
               "Compute threads of a rank; 0: all cores");
  sharing.addOptions(verb);
  verb.required("--json", &options->json, "Where to write the results");
  const Option report = verb.option(
      "--report", &options->report,
      "Also write the results as one HTML page, with CMC, ROC, scores and the hardest pairs");
  verb.option("--probe-images", &options->images.probes,
              "Folder of the probes' images, for the pairs of --report")
      .needs(report);
  verb.option("--distractor-images", &options->images.distractors,
              "Folder of the distractors' images, for the pairs of --report")
      .needs(report);
  verb.option("--matches", &options->matches,
              "Also write the kit's matches file: the best distractors of each probe and the rank "
              "of each search (without noise where noise lists are given)");
  verb.option("--run", &options->run,
              "Run folder with the checkpoint that made the features: the result is also written "
              "to its evaluations.jsonl, which metrics and dashboard show");
  verb.footer(
      "Example: sphereface evaluate megaface --probes facescrub_features_list.json "
      "--distractors megaface_features_list.json_1000000_1 --feature-root facescrub.sff "
      "--distractor-root megaface.sff --json megaface.json");
  verb.action([options, &sharing] { run(*options, sharing); });
}

}  // namespace sphereface
