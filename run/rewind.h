// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <cstdint>
#include <filesystem>

namespace sphereface {

/// A job that died may have run on after its last checkpoint. What a run folder tells of those
/// steps goes, as the job that continues from the checkpoint trains them anew: the lines of
/// metrics.jsonl and records.tsv from step `first_step` on, a line that was being written, and
/// checkpoints that nobody committed. Events stay: they happened.
void rewindRunFolder(const std::filesystem::path& run, uint64_t first_step);

}  // namespace sphereface
