// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "run/run_start.h"

#include "base/error.h"
#include "data/dataset.h"
#include "model/checkpoint.h"
#include "model/checkpoint_check.h"
#include "model/network_config.h"
#include "model/train_config.h"
#include "run/run_folder.h"
#include "run/worker_engine.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

void refuseCheckpoints(const fs::path& run) {
  if (listCheckpoints(run).empty()) return;
  throw UsageError(concat(run.string(),
                          " already holds checkpoints: continue it with --resume auto, or choose "
                          "another --run"));
}

/// The step that a run goes on with from a checkpoint.
uint64_t stepAfter(const fs::path& folder, const CheckpointManifest& checkpoint,
                   const TrainConfig& config, uint64_t records) {
  const RunLength length = runLength(config.solver(), records);
  if (checkpoint.step() >= length.steps) {
    throw UsageError(concat(folder.string(), " is at step ", checkpoint.step(),
                            " already; the run ends at step ", length.steps));
  }
  // The place in the data and in the schedules is counted from the step.
  const uint64_t before = runLength(checkpoint.config().solver(), records).images_per_step;
  if (before != length.images_per_step) {
    throw UsageError(concat(folder.string(), " was trained with ", before,
                            " images a step, solver.batch_size x iter_size are now ",
                            length.images_per_step, ": resume with the same product"));
  }
  return checkpoint.step();
}

/// Empty when there is none.
fs::path newestWholeCheckpoint(const fs::path& run, std::vector<std::string>& damaged) {
  std::vector<fs::path> found = listCheckpoints(run);
  for (; !found.empty(); found.pop_back()) {
    try {
      verifyCheckpoint(found.back(), readCheckpointManifest(found.back()));
      return found.back();
    } catch (const Error& e) {
      damaged.emplace_back(e.what());
    }
  }
  if (!damaged.empty()) {
    throw Error(concat(run.string(), " holds no whole checkpoint: ", damaged.front()));
  }
  return {};
}

}  // namespace

RunStart chooseStart(const TrainConfig& config, uint64_t records, const fs::path& run,
                     const std::string& resume) {
  RunStart start;
  if (resume == "never") {
    refuseCheckpoints(run);
    return start;
  }
  start.resume_from =
      resume == "auto" ? newestWholeCheckpoint(run, start.damaged) : fs::path(resume);
  if (start.resume_from.empty()) return start;
  start.first_step =
      stepAfter(start.resume_from, readCheckpointManifest(start.resume_from), config, records);
  return start;
}

void checkStart(const TrainConfig& config, const fs::path& run, const std::string& resume,
                int workers, bool here) {
  checkWorkers(config, workers);
  if (here) {
    checkDevice(deviceOf(config.worker()));
    const DatasetManifest data = Dataset(config.data().lmdb()).manifest();
    checkDataset(data, config);
    checkClasses(config, workers, data.classes());
    if (resume != "auto") chooseStart(config, data.records(), run, resume);
    if (resume == "never" && config.network().has_init_from()) {
      readCheckpointManifest(config.network().init_from());
    }
  } else if (resume == "never") {
    refuseCheckpoints(run);
  }
  std::error_code failure;
  fs::create_directories(run, failure);
  if (failure) throw Error(concat("cannot make ", run.string(), ": ", failure.message()));
  const RunLock can_be_written(run);
}

}  // namespace sphereface
