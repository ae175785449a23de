// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "doctor/subject.h"

#include <limits>

#include "base/error.h"
#include "base/parallel.h"
#include "data/lmdb_check.h"
#include "model/checkpoint.h"
#include "model/train_config.h"

namespace sphereface::doctor {
namespace {

void openDataset(Subject& subject) {
  if (subject.lmdb.empty()) {
    subject.no_dataset = "no data set (--lmdb, or data.lmdb of a --config)";
    return;
  }
  try {
    subject.dataset = std::make_unique<Dataset>(subject.lmdb);
    checkLmdb(subject.lmdb / "data.mdb");
  } catch (const Error& e) {
    subject.dataset = nullptr;
    subject.no_dataset = e.what();
  }
}

void openCheckpoint(const std::filesystem::path& named, Subject& subject) {
  subject.checkpoint_folder = named;
  if (named.empty() && subject.config) {
    subject.checkpoint_folder = subject.config->network().init_from();
  }
  if (subject.checkpoint_folder.empty()) {
    subject.no_checkpoint = "no --checkpoint";
    return;
  }
  try {
    subject.checkpoint = readCheckpointManifest(subject.checkpoint_folder);
  } catch (const Error& e) {
    subject.no_checkpoint = e.what();
  }
}

void planRun(int workers, Subject& subject) {
  if (!subject.config) {
    subject.no_run = "no configuration (--config)";
    return;
  }
  if (!subject.dataset) {
    subject.no_run = "no data set, so sizes aren't known";
    return;
  }
  PlannedRun run;
  run.config = *subject.config;
  run.workers = workers;
  run.records = subject.dataset->manifest().records();
  run.classes = subject.dataset->manifest().classes();
  run.host_threads = availableThreads();
  // Memory has a check of its own.
  run.host_memory = std::numeric_limits<size_t>::max();
  subject.run = run;
  try {
    subject.forecast = forecastRun(run);
  } catch (const Error& e) {
    subject.no_run = e.what();
  }
}

}  // namespace

Subject openSubject(const Request& request) {
  Subject subject;
  subject.lmdb = request.lmdb;
  if (!request.config.empty()) {
    subject.config = loadTrainConfig(request.config, request.overrides);
    if (request.lmdb.empty()) {
      subject.lmdb = subject.config->data().lmdb();
    } else {
      subject.config->mutable_data()->set_lmdb(request.lmdb.string());
    }
  }
  openDataset(subject);
  openCheckpoint(request.checkpoint, subject);
  planRun(request.workers, subject);
  return subject;
}

}  // namespace sphereface::doctor
