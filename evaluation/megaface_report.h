// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

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
};

/// What the runs have in common.
struct MegafaceSetting {
  std::string probe_list;
  std::string probe_list_sha256;
  bool devkit = false;
  size_t feature_dim = 0;
  std::string model_sha256;
};

/// The run with the most distractors, the cleaned one where there is one. requires: a run.
const MegafaceRun& mainRun(const std::vector<MegafaceRun>& runs);

/// A line for each run, in percent; for sizes with several lists a line of mean and sample standard
/// deviation.
std::string megafaceTable(const std::vector<MegafaceRun>& runs);

/// The result for programs, in fractions. At the top are the fields of mainRun(), in "runs" those
/// of all. In devkit mode "cmc", "roc" and "traditional_cmc" are those of the kit's own result
/// file.
Json megafaceJson(const std::vector<MegafaceRun>& runs, const MegafaceSetting& setting);

/// The kit's matches_*.json.
Json megafaceMatchesJson(const MegafaceResult& result);

}  // namespace sphereface
