// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "doctor/examine.h"

#include <unistd.h>

#include <algorithm>
#include <initializer_list>
#include <limits>
#include <memory>
#include <optional>

#include "base/error.h"
#include "base/parallel.h"
#include "data/lmdb_check.h"
#include "doctor/checkpoint_checks.h"
#include "doctor/config_checks.h"
#include "doctor/disk_checks.h"
#include "doctor/duplicate_checks.h"
#include "doctor/host_checks.h"
#include "doctor/image_checks.h"
#include "doctor/label_checks.h"
#include "doctor/loss_check.h"
#include "doctor/memory_checks.h"
#include "doctor/mpi_checks.h"
#include "doctor/network_checks.h"
#include "doctor/processor_checks.h"
#include "model/checkpoint.h"
#include "model/train_config.h"
#include "plan/cgroup.h"
#include "run/worker_engine.h"

namespace sphereface::doctor {
namespace {

/// What a request names, opened as far as it can be.
struct Subject {
  std::optional<TrainConfig> config;

  std::filesystem::path lmdb;  // empty: none was named
  std::unique_ptr<Dataset> dataset;
  std::string no_dataset;  // why there is none

  std::filesystem::path checkpoint_folder;  // --checkpoint, or network.init_from; empty: none
  std::optional<CheckpointManifest> checkpoint;
  std::string no_checkpoint;

  // With a configuration and a data set.
  std::optional<PlannedRun> run;
  std::optional<Forecast> forecast;
  std::string no_run;
};

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
    subject.checkpoint_folder = findCheckpoint(subject.checkpoint_folder);
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

/// errors: UsageError when the configuration is wrong; what else is missing or damaged is a reason.
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

/// Checks that read the records.
constexpr std::initializer_list<const char*> kRecordChecks = {
    "labels",       "classes",      "overlap",   "order",      "images",
    "blank images", "colour order", "alignment", "duplicates", "near duplicates"};

class Examination {
 public:
  Examination(const Request& request, const Listener& listener)
      : request_(request), listener_(listener), subject_(openSubject(request)) {}

  std::vector<Finding> run() {
    machine();
    configuration();
    data();
    checkpoint();
    loss();
    return std::move(findings_);
  }

 private:
  void add(Finding finding) {
    // Checks that don't know the folder call it LMDB.
    const std::string placeholder = "--output LMDB";
    const size_t at = finding.fix.find(placeholder);
    if (at != std::string::npos) {
      finding.fix.replace(at, placeholder.size(), "--output " + subject_.lmdb.string());
    }
    listener_.finding(finding);
    findings_.push_back(std::move(finding));
  }

  /// Begins a group; `fix` is for checks of it that throw.
  void group(const char* title, const char* fix) {
    listener_.group(title);
    fix_ = fix;
  }

  /// Adds what `check` returns; when it throws, that it failed.
  template <class Check>
  void check(const char* name, Check check) {
    try {
      add(check());
    } catch (const std::exception& e) {
      add(failure(name, e.what(), fix_));
    }
  }

  void skip(std::initializer_list<const char*> names, const std::string& why) {
    for (const char* name : names)
      add(skipped(name, why));
  }

  void machine() {
    group("machine", "a complete build (cmake --build build), run where /proc is mounted");
    const WorkerConfig* worker = subject_.config ? &subject_.config->worker() : nullptr;
    const uint64_t allreduce = subject_.forecast ? subject_.forecast->allreduce_bytes : 0;
    const int ranks = request_.workers + 1;
    check("processor", [&] { return processorFinding(processor(), worker); });
    check("threads", [&] { return threadsFinding(usableThreads(), jobThreads()); });
    check("shared memory", [&] { return sharedMemoryFinding(spaceOf("/dev/shm"), ranks); });
    check("limits", [&] { return limitsFinding(processLimits(), limitNeed()); });
    check("session folder", [&] { return sessionFinding(sessionFolder()); });
    check("network", [&] { return networkFinding(interfaces(), networkChoice()); });
    check("user", [&] { return rootFinding(::geteuid() == 0, rootIsAllowed()); });
    check("mpi",
          [&] { return mpiFinding(runMpiProbe(request_.workers), request_.workers, allreduce); });
  }

  JobThreads jobThreads() const {
    JobThreads job;
    job.workers = request_.workers;
    const WorkerConfig worker = subject_.config ? subject_.config->worker() : WorkerConfig();
    job.each = static_cast<size_t>(threadsOfWorker(worker, availableThreads(), request_.workers));
    job.binding = threadBinding();
    job.limit = threadLimit();
    return job;
  }

  LimitNeed limitNeed() const {
    LimitNeed need;
    need.ranks = request_.workers + 1;
    if (subject_.forecast) {
      need.largest_file = subject_.forecast->checkpoint_bytes / 2;
      const MemoryNeed memory = memoryNeed(*subject_.run, *subject_.forecast);
      need.address_space = memory.engine + memory.cache + memory.program + dataBytes();
    }
    return need;
  }

  uint64_t dataBytes() const { return std::filesystem::file_size(subject_.lmdb / "data.mdb"); }

  void configuration() {
    group("configuration", "sphereface plan --config, which says more");
    if (!subject_.config) {
      skip({"device", "memory", "run folder", "shape", "batch", "head", "plan"},
           "no configuration (--config)");
      return;
    }
    check("device", [&] { return deviceFinding(subject_.config->worker()); });
    if (!subject_.forecast) {
      skip({"memory", "run folder", "shape", "batch", "head", "plan"}, subject_.no_run);
      return;
    }
    const PlannedRun& run = *subject_.run;
    const Forecast& forecast = *subject_.forecast;
    check("memory", [&] { return memoryFinding(memoryNeed(run, forecast), availableMemory()); });
    check("run folder", [&] {
      return runFolderFinding(runFolder(std::filesystem::path("runs") / run.config.name()),
                              checkpointSpace(forecast));
    });
    check("shape", [&] { return shapeFinding(subject_.dataset->manifest(), run.config); });
    check("batch", [&] { return batchFinding(run, forecast.length); });
    check("head", [&] { return headFinding(run.config.head(), run.classes, forecast.length); });
    for (const Finding& finding : planFindings(forecast))
      add(finding);
  }

  void data() {
    group("data", "sphereface pack --input FACES --output LMDB --force");
    if (!subject_.dataset) {
      if (subject_.lmdb.empty()) {
        skip({"data set"}, subject_.no_dataset);
      } else {
        add(failure("data set", subject_.no_dataset,
                    concat("sphereface pack --input FACES --output ", subject_.lmdb.string())));
      }
      const std::string why =
          subject_.lmdb.empty() ? subject_.no_dataset : "the data set can't be opened";
      skip({"file system", "page cache"}, why);
      skip(kRecordChecks, why);
      return;
    }
    const Dataset& dataset = *subject_.dataset;
    const DatasetManifest& manifest = dataset.manifest();
    const KeyOf key = [&](uint64_t record) { return dataset.key(record); };
    check("data set", [&] { return datasetFinding(manifest); });
    check("file system",
          [&] { return fileSystemFinding(dataset.folder(), networkFileSystem(dataset.folder())); });
    check("page cache", [&] {
      const size_t used =
          subject_.forecast ? memoryNeed(*subject_.run, *subject_.forecast).total() : 0;
      const size_t free = availableMemory();
      return pageCacheFinding(dataBytes(), free - std::min(free, used));
    });
    StoredFacts stored;
    ImageFacts images;
    try {
      stored = scanStored(dataset, request_.limits);
      images = scanImages(dataset, stored, request_.limits);
    } catch (const Error& e) {
      add(failure("records", e.what(), fix_));
      skip(kRecordChecks, "the records can't be read");
      return;
    }
    labels(stored, manifest, key);
    check("images", [&] { return imagesFinding(stored, images, dataset.size()); });
    check("blank images", [&] { return blankFinding(images, key); });
    check("colour order", [&] { return colourFinding(images); });
    check("alignment", [&] { return alignmentFinding(images, manifest); });
    check("duplicates", [&] {
      return duplicatesFinding(stored, manifest, key, [&](uint64_t record) {
        std::string bytes;
        dataset.stored(record, [&](int, std::string_view image) { bytes = image; });
        return bytes;
      });
    });
    check("near duplicates", [&] { return nearDuplicates(images, manifest, key); });
  }

  void labels(const StoredFacts& stored, const DatasetManifest& manifest, const KeyOf& key) {
    check("labels", [&] { return labelsFinding(stored, manifest, key); });
    check("classes", [&] { return classesFinding(stored, manifest); });
    check("overlap", [&] { return overlapFinding(manifest); });
    check("order", [&] {
      std::vector<int32_t> usable;
      for (const int32_t label : stored.label) {
        if (label >= 0 && static_cast<uint32_t>(label) < manifest.classes()) {
          usable.push_back(label);
        }
      }
      return orderFinding(usable, manifest.classes());
    });
  }

  static Finding nearDuplicates(const ImageFacts& images, const DatasetManifest& manifest,
                                const KeyOf& key) {
    if (images.images.size() < 2) return skipped("near duplicates", "fewer than two images");
    std::vector<Thumbnail> thumbnails;
    for (const ImageFact& image : images.images)
      thumbnails.push_back(image.thumbnail);
    return nearDuplicatesFinding(images, manifest, findLikePairs(thumbnails, kSamePhotograph), key);
  }

  void checkpoint() {
    group("checkpoint", "an older checkpoint of the run");
    if (!subject_.checkpoint) {
      if (subject_.checkpoint_folder.empty()) {
        skip({"checkpoint"}, subject_.no_checkpoint);
      } else {
        add(failure("checkpoint", subject_.no_checkpoint,
                    "--checkpoint (or network.init_from) runs/NAME/checkpoints/step-..."));
      }
      return;
    }
    const CheckpointManifest& manifest = *subject_.checkpoint;
    check("checkpoint", [&] { return checkpointFinding(subject_.checkpoint_folder, manifest); });
    check("checkpoint data", [&] {
      if (!subject_.dataset) return skipped("checkpoint data", "no data set");
      const Purpose purpose = request_.checkpoint.empty() ? Purpose::kStart : Purpose::kAny;
      return checkpointDataFinding(manifest, subject_.dataset->manifest(), purpose);
    });
    check("checkpoint network", [&] {
      if (!subject_.config) return skipped("checkpoint network", "no configuration (--config)");
      return checkpointNetworkFinding(manifest, subject_.config->network());
    });
  }

  void loss() {
    group("training", "data.bad_record: SKIP, or sphereface pack --skip-bad");
    check("first loss", [&]() -> Finding {
      if (!subject_.run) return skipped("first loss", subject_.no_run);
      const Dataset& dataset = *subject_.dataset;
      std::optional<Weights> weights;
      if (subject_.checkpoint &&
          subject_.checkpoint->dataset_sha256() == dataset.manifest().sha256()) {
        weights = Weights{subject_.checkpoint_folder, *subject_.checkpoint};
      }
      const PlannedRun run = lossRun(*subject_.run);
      const std::string obstacle =
          lossObstacle(run, dataset.manifest(), weights, availableMemory());
      if (!obstacle.empty()) return skipped("first loss", obstacle);
      return lossFinding(measureLoss(run, dataset, weights));
    });
  }

  const Request& request_;
  const Listener& listener_;
  Subject subject_;
  std::string fix_;
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> examine(const Request& request, const Listener& listener) {
  return Examination(request, listener).run();
}

}  // namespace sphereface::doctor
