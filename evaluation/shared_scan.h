// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <span>

#include "evaluation/rank_group.h"
#include "evaluation/score_scan.h"

namespace sphereface {

/// scanScores() with the distractors divided among the ranks. Arguments are the same on all of
/// them; each reads and scores its share alone. On rank 0 queries and result are those of
/// scanScores(), to the bit, whatever the number of ranks; on others they are of no use.
ScanResult scanShared(const Scorer& scorer, std::span<const float> probes,
                      const FeatureSource& distractors, std::span<CountQuery> queries,
                      const ScanOptions& options, RankGroup& ranks);

}  // namespace sphereface
