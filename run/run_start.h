// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Where a job of a run begins, and what can be wrong with that before it does.

#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "model/schedule.h"
#include "proto/checkpoint.pb.h"
#include "proto/config.pb.h"
#include "proto/manifest.pb.h"

namespace sphereface {

/// So many times coordinator.liveness_seconds may ranks take to come through MPI's start.
constexpr int kStartFactor = 12;

struct RunStart {
  uint64_t first_step = 0;
  std::filesystem::path resume_from;  // empty: the initial weights
  std::vector<std::string> damaged;   // what is wrong with newer checkpoints, passed over
};

/// By --resume: "never", "auto" or a checkpoint folder. For auto it reads every byte of the newest
/// checkpoint, as a run that starts from a damaged one is lost work.
/// errors: UsageError when the run or the checkpoint doesn't fit; Error when there are checkpoints
/// and none is whole.
RunStart chooseStart(const TrainConfig& config, uint64_t records, const std::filesystem::path& run,
                     const std::string& resume);

/// What `train` can tell in a line before it starts a job of so many workers: data set, run folder,
/// checkpoints and device. With `here` the ranks run on this host; otherwise what only their hosts
/// may have isn't asked for.
/// errors: those of chooseStart, but for those of auto; of checkDataset and the like; Error when
/// the run folder can't be written, or another job writes it.
void checkStart(const TrainConfig& config, const std::filesystem::path& run,
                const std::string& resume, int workers, bool here);

}  // namespace sphereface
