// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "evaluation/score_scan.h"

namespace sphereface {

/// scanScores() on a GPU: the host reads and prepares a block of distractors while the GPU scores
/// the one before and counts.
ScanResult scanOnGpu(const Scorer& scorer, std::span<const float> probes,
                     const FeatureSource& distractors, std::span<CountQuery> queries,
                     const ScanOptions& options);

/// Of scores sorted in between ascending edges (bin e: above edge e - 1, up to edge e): how many
/// are above each edge.
std::vector<uint64_t> aboveEdges(std::span<const uint64_t> bins);

}  // namespace sphereface
