// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "worker/worker_model.h"

#include "base/error.h"
#include "base/parallel.h"
#include "model/checkpoint.h"
#include "model/initialize.h"
#include "model/train_config.h"
#include "run/worker_engine.h"
#include "worker/all_reduce.h"
#include "worker/device_gradient_sum.h"

namespace sphereface {
namespace {

/// Where each worker's images begin, and their number.
std::vector<int> firstImages(const MpiSession& session, const SolverConfig& solver) {
  std::vector<int> first_image;
  for (int worker = 0; worker <= session.workers(); ++worker) {
    const Share images = shareOf(solver.batch_size(), session.workers(), worker);
    first_image.push_back(static_cast<int>(images.begin));
  }
  return first_image;
}

/// Connects the workers' heads: between GPUs in the engine, otherwise in the model.
void connectHeads(const MpiSession& session, const TrainConfig& config, LastCollective* last,
                  WorkerModel& model, EngineOptions& options) {
  const std::vector<int> first_image = firstImages(session, config.solver());
  const auto timeout = std::chrono::seconds(config.worker().collective_timeout());
  const DeviceGroup group = newGroupOfWorkers(session, deviceOf(config.worker()));
  if (!group.id.empty()) {
    options.head_group = {group, first_image, timeout};
    return;
  }
  WaitOptions waits = waitOptions(session, config.worker(), last);
  waits.waiting = Waiting::kAwake;
  model.exchange = std::make_unique<MpiHeadExchange>(session.workerComm(), first_image,
                                                     model.network.embedding, waits);
  options.exchange = model.exchange.get();
}

/// On CPUs the first worker's engine chooses the convolutions' algorithms for all, so that they
/// don't disturb each other's measurements and a checkpoint can name one choice.
std::unique_ptr<Engine> makeEngineWithOthers(const MpiSession& session, Device device,
                                             EngineOptions options) {
  const bool chooses = device == Device::kCpu && options.convolution == Convolution::kFastest &&
                       options.convolution_algorithms.empty() && session.workers() > 1;
  if (!chooses) return makeEngine(device, options);
  std::unique_ptr<Engine> engine;
  if (session.isFirstWorker()) {
    engine = makeEngine(device, options);
    options.convolution_algorithms = engine->convolutionAlgorithms();
  }
  broadcast(session.workerComm(), options.convolution_algorithms);
  return engine ? std::move(engine) : makeEngine(device, options);
}

void loadWeights(const RunPlan& plan, const TrainConfig& config, const DatasetManifest& data,
                 const CheckpointManifest& checkpoint, WorkerModel& model) {
  if (checkpoint.dataset_sha256() != data.sha256()) {
    throw Error(
        concat(plan.resume_from(), " was trained on another data set than ", config.data().lmdb()));
  }
  loadCheckpoint(plan.resume_from(), checkpoint, model.network, *model.engine, model.classes.begin);
  model.forward_passes = checkpoint.forward_passes();
  if (checkpoint.has_guard_loss()) model.guard_loss = checkpoint.guard_loss();
}

void beginAnew(const NetworkConfig& config, const DatasetManifest& data, WorkerModel& model) {
  initializeWeights(model.network, static_cast<int>(model.classes.begin), config.seed(),
                    *model.engine);
  if (!config.has_init_from()) return;
  const std::string taken = initializeFromCheckpoint(config.init_from(), data, model.network,
                                                     *model.engine, model.classes.begin);
  model.notes.push_back(concat("initial weights from ", config.init_from(), ": ", taken));
}

}  // namespace

WaitOptions waitOptions(const MpiSession& session, const WorkerConfig& config,
                        LastCollective* last) {
  WaitOptions options;
  options.timeout = std::chrono::seconds(config.collective_timeout());
  options.last = last;
  options.give_up = [who = session.name() + ": "](const Error& error) {
    endJob("sphereface-worker", who, error, kExitFailed);
  };
  return options;
}

WorkerModel makeWorkerModel(const MpiSession& session, const RunPlan& plan,
                            const TrainConfig& config, const DatasetManifest& data,
                            LastCollective* last) {
  WorkerPlace place;
  place.workers = session.workers();
  place.worker = session.rank() - 1;
  place.workers_on_host = session.workersOnHost();
  place.place_on_host = session.placeOnHost();
  place.host_threads = availableThreads();
  EngineOptions options = engineOfWorker(config, data.classes(), place);
  WorkerModel model;
  model.network = options.network;
  model.classes = classesOfWorker(config, data.classes(), place);
  std::optional<CheckpointManifest> resumed;
  if (plan.has_resume_from()) resumed = readCheckpointManifest(plan.resume_from());
  if (config.head().class_parallel()) connectHeads(session, config, last, model, options);
  if (resumed && options.convolution == Convolution::kFastest) {
    options.convolution_algorithms = resumed->convolution_algorithms();
  }
  model.engine = makeEngineWithOthers(session, deviceOf(config.worker()), options);
  model.notes = model.engine->notes();
  if (resumed) {
    loadWeights(plan, config, data, *resumed, model);
  } else {
    beginAnew(config.network(), data, model);
  }
  return model;
}

}  // namespace sphereface
