// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"
#include "evaluation/megaface.h"

namespace sphereface {

/// One list of distractors scored, with all images or, `cleaned`, without those of the noise lists.
struct MegafaceRun {
  std::string distractor_list;  // base name of its file
  std::string distractor_list_sha256;
  size_t listed = 0;  // distractors of the list, those of the noise list among them
  bool cleaned = false;
  MegafaceResult result;
  std::vector<std::string> warnings;  // of its lists
};

/// What the runs have in common.
struct MegafaceSetting {
  std::string probe_list;
  std::string probe_list_sha256;
  bool devkit = false;
  size_t feature_dim = 0;
  std::string model_sha256;
};

/// Where the images of the lists are, or empty paths.
struct MegafaceImages {
  std::filesystem::path probes;
  std::filesystem::path distractors;
};

/// What the results are to be read with: `warnings` of the runs, and scores that are all equal.
std::vector<std::string> megafaceWarnings(const std::vector<MegafaceRun>& runs);

/// Three lines for each run, in percent: its rates, and the bounds of their intervals; for sizes
/// with several lists lines of mean and sample standard deviation; then the warnings. Here and
/// below a rate that the data can't tell (evaluation/told_rate.h) is "n/a: needs ...", in JSON null
/// with its reason in "reasons". requires: here and below, a run.
std::string megafaceTable(const std::vector<MegafaceRun>& runs);

/// The result for programs, in fractions. At the top are the fields of the main run, the one with
/// the most distractors, cleaned where there is one that is; in "runs" those of all. In devkit mode
/// "cmc", "roc" and "traditional_cmc" are those of the kit's own result file.
Json megafaceJson(const std::vector<MegafaceRun>& runs, const MegafaceSetting& setting);

/// What a run's scores have of the main run (run/run_scores.h); `whole` is megafaceJson()'s.
Json megafaceScores(const std::vector<MegafaceRun>& runs, const Json& whole);

/// The kit's matches_*.json.
Json megafaceMatchesJson(const MegafaceResult& result);

/// The result as one HTML page: figures, the table of the runs, CMC and ROC of all of them, scores
/// and the hardest pairs of the main run, with pictures of those whose folder is given.
/// errors: Error naming an image that can't be read.
std::string megafacePage(const std::vector<MegafaceRun>& runs, const MegafaceSetting& setting,
                         const MegafaceImages& images);

}  // namespace sphereface
