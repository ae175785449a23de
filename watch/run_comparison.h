// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Several runs side by side: what they are, where they ended, their curves in one picture.

#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"
#include "proto/config.pb.h"
#include "watch/run_curves.h"

namespace sphereface {

struct ComparedRun {
  std::filesystem::path folder;
  std::string label;
  uint64_t images_per_step = 0;
  RunCurves curves;
  Json row;  // of the table; fields below
};

/// Reads run folders: metrics.jsonl, config.textproto and, if there, lfw.json, or
/// else the newest score on LFW in evaluations.jsonl. A row has label,
/// network, head, precision, steps, images, loss, accuracy, target_cosine, images_per_second and,
/// if there is a score, lfw and lfw_std. errors: Error naming what is missing or can't be read.
std::vector<ComparedRun> readRuns(const std::vector<std::filesystem::path>& folders);

/// "A_SOFTMAX m=4 published gradient"
std::string headText(const HeadConfig& head);

std::string comparisonTable(const std::vector<ComparedRun>& runs);
Json comparisonJson(const std::vector<ComparedRun>& runs);

/// Accuracy on the training batches, cosine to the own class, loss and learning rate over the
/// images seen. Losses of different heads measure different things.
void writeComparisonPlot(const std::filesystem::path& file, const std::vector<ComparedRun>& runs);

/// One HTML page that fetches nothing: the table of the runs, their curves over each other, and the
/// fields in which their configurations differ. errors: Error when it can't be written.
void writeComparisonPage(const std::filesystem::path& file, const std::vector<ComparedRun>& runs);

}  // namespace sphereface
