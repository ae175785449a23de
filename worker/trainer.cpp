// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "worker/trainer.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/stop_signal.h"
#include "base/this_process.h"
#include "control/channel.h"
#include "data/loader.h"
#include "launch/network_route.h"
#include "model/checkpoint.h"
#include "model/schedule.h"
#include "model/train_config.h"
#include "proto/text_format.h"
#include "run/step_figures.h"
#include "run/worker_engine.h"
#include "worker/all_reduce.h"
#include "worker/checkpoint_writer.h"
#include "worker/divergence_guard.h"
#include "worker/heartbeat.h"
#include "worker/link_test.h"
#include "worker/step_runner.h"
#include "worker/worker_model.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

constexpr int kCoordinator = 0;

// So many steps that diverge in a row, or roll-backs in a run, are no accident.
constexpr int kMostSkipped = 10;
constexpr int kMostRollBacks = 10;

// A coordinator that starts may have a checkpoint of many gigabytes to look at.
constexpr std::chrono::seconds kStartPatience{3600};
// Between looks at whether a checkpoint is written.
constexpr std::chrono::milliseconds kAsk{100};
// One that doesn't answer may be hanging. Whoever asks for the job's end waits for no more than
// this.
constexpr std::chrono::seconds kStopPatience{10};

/// The coordinator's next message. errors: Error when it doesn't come within `limit`.
ReceivedMessage waitForMessage(Channel& channel, std::chrono::seconds limit, const char* what) {
  constexpr std::chrono::milliseconds kLook{200};
  Patience patience(limit);
  std::optional<Patience> until_stop;
  while (true) {
    if (auto message = channel.wait(kLook)) return *std::move(message);
    if (stopRequested() && !until_stop) until_stop.emplace(kStopPatience);
    if (!patience.over() && !(until_stop && until_stop->over())) continue;
    throw Error(concat(
        "waited ", std::chrono::duration_cast<std::chrono::seconds>(patience.waited()).count(),
        " s in vain for ", what, " from rank 0, the coordinator: it hangs, is stopped or cut off"));
  }
}

/// The 2-norm of the network's parameters.
double weightNorm(Engine& engine) {
  constexpr size_t kAtOnce = size_t{1} << 20;
  const std::span<const float> all = engine.trunk().parameters;
  std::vector<float> part(std::min(kAtOnce, all.size()));
  double squares = 0;
  for (size_t begin = 0; begin < all.size(); begin += part.size()) {
    const std::span<float> to = std::span(part).first(std::min(part.size(), all.size() - begin));
    engine.read(all.subspan(begin, to.size()), to);
    for (const float value : to)
      squares += static_cast<double>(value) * static_cast<double>(value);
  }
  return std::sqrt(squares);
}

class Trainer {
 public:
  Trainer(const MpiSession& session, Channel& channel, const RunPlan& plan, Heartbeat* heartbeat)
      : session_(session),
        channel_(channel),
        heartbeat_(heartbeat),
        plan_(plan),
        config_(parseConfig(plan)),
        dataset_(config_.data().lmdb()),
        length_(runLength(config_.solver(), dataset_.size())),
        shards_(shardsOfWorker(config_.solver(), session.workers())),
        loader_(dataset_, optionsOfLoader()) {}

  /// Trains to the end, or until asked to stop.
  WorkerGoodbye run() {
    const uint64_t steps = length_.steps;
    WorkerGoodbye goodbye;
    double checkpoint_seconds = 0;
    double ended = secondsNow();  // the step before and its checkpoint
    for (uint64_t step = plan_.first_step(); step < steps && !goodbye.stopped(); ++step) {
      doing(step, WorkerHeartbeat::WAITING);
      takeMessages(step);
      if (step == 0 && config_.checkpoint().initial()) writeCheckpoint(0);
      StepReport report;
      report.set_checkpoint_seconds(checkpoint_seconds);
      report.set_idle_seconds(goodbye.steps() > 0 ? secondsNow() - ended : 0);
      const StepRunner::Outcome outcome = runner_->run(
          step, forward_passes_, {asked_to_stop_ || stopRequested(), checkpointIsDue()}, report);
      forward_passes_ += config_.solver().iter_size();
      report.set_mfu(flops_per_image_ * static_cast<double>(report.images()) /
                     (partsOf(report) * matrix_peak_));
      if ((step + 1) % config_.coordinator().log_every_steps() == 0) measure(report);
      if (heartbeat_ != nullptr) report.set_collective(heartbeat_->lastCollective().text());
      channel_.send(kCoordinator, KIND_STEP, report);
      if (outcome.diverged) recover(step, outcome.loss);
      goodbye.set_steps(goodbye.steps() + 1);
      const uint64_t done = step + 1;
      goodbye.set_stopped(outcome.next.stop && done < steps);
      const uint64_t every = config_.checkpoint().every_steps();
      const double before = secondsNow();
      tellFinished(writer_.finished());
      if (done == steps || goodbye.stopped() || outcome.next.checkpoint ||
          (every > 0 && done % every == 0)) {
        doing(step, WorkerHeartbeat::WRITING);
        writeCheckpoint(done);
      }
      ended = secondsNow();
      checkpoint_seconds = ended - before;
    }
    tellFinished(writer_.finish());
    if (runner_ && runner_->timeline().event_size() > 0) {
      channel_.send(kCoordinator, KIND_TIMELINE, runner_->timeline());
    }
    return goodbye;
  }

 private:
  static TrainConfig parseConfig(const RunPlan& plan) {
    TrainConfig config;
    parseText(plan.config(), "configuration from the coordinator", config);
    return config;
  }

  LoaderOptions optionsOfLoader() const {
    LoaderOptions options = loaderOptions(config_.data());
    options.prefetch *= shards_;
    return options;
  }

  /// By checkpoint.every_minutes, on the first worker's clock.
  bool checkpointIsDue() const {
    const double minutes = config_.checkpoint().every_minutes();
    return session_.isFirstWorker() && minutes > 0 && secondsNow() - checkpointed_ >= 60 * minutes;
  }

  void doing(uint64_t step, WorkerHeartbeat::Phase phase) const {
    if (heartbeat_ != nullptr) heartbeat_->doing(step, phase);
  }

  /// What is looked at once an interval of steps.
  void measure(StepReport& report) const {
    report.set_memory_bytes(processMemory().resident);
    if (session_.isFirstWorker()) report.set_weight_norm(weightNorm(*model_->engine));
  }

  /// After a step that diverged and updated nothing, by solver.on_divergence.
  void recover(uint64_t step, double loss) {
    skipped_in_a_row_ = step == last_skipped_ + 1 ? skipped_in_a_row_ + 1 : 1;
    last_skipped_ = step;
    switch (config_.solver().on_divergence()) {
      case SolverConfig::SKIP:
        if (skipped_in_a_row_ < kMostSkipped) return;
        break;
      case SolverConfig::ROLL_BACK:
        if (roll_backs_++ < kMostRollBacks) return rollBack(step);
        break;
      case SolverConfig::FAIL:
        break;
    }
    // All workers know; one says it.
    if (!session_.isFirstWorker()) waitForCoordinator("the job's end");
    throw Error(concat("the loss of step ", step, " is ", loss,
                       ": training diverged; lower solver.base_learning_rate, add "
                       "solver.warmup, slow head.lambda or raise head.margin_warmup_steps"));
  }

  /// Weights and momenta of the newest checkpoint; the place in data and schedules stays.
  void rollBack(uint64_t step) {
    tellFinished(writer_.finish());
    std::string folder;
    if (session_.isFirstWorker()) folder = newestCommitted();
    broadcast(session_.workerComm(), folder);
    if (folder.empty()) {
      throw Error(concat("the loss of step ", step,
                         " diverged, and there is no checkpoint to go back to: set "
                         "checkpoint.every_steps, or checkpoint.initial"));
    }
    loadCheckpoint(folder, readCheckpointManifest(folder), model_->network, *model_->engine,
                   model_->classes.begin);
    if (!session_.isFirstWorker()) return;
    RollBack done;
    done.set_step(step);
    done.set_checkpoint(folder);
    channel_.send(kCoordinator, KIND_ROLL_BACK, done);
  }

  /// The last one that was written, which the coordinator may still have to commit.
  std::string newestCommitted() const {
    if (!last_written_) return plan_.has_resume_from() ? plan_.resume_from() : "";
    const fs::path folder = checkpointFolder(plan_.run_folder(), *last_written_);
    Patience patience(std::chrono::seconds(config_.worker().collective_timeout()));
    while (!fs::exists(folder)) {
      if (patience.over())
        throw Error(concat("waited in vain for the commit of ", folder.string()));
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return folder.string();
  }

  /// The first one comes when all workers are there.
  ReceivedMessage waitForLease() const {
    if (!model_) return waitForMessage(channel_, kStartPatience, "the first steps");
    return waitForCoordinator("the next steps");
  }

  ReceivedMessage waitForCoordinator(const char* what) const {
    return waitForMessage(channel_, std::chrono::seconds(config_.worker().collective_timeout()),
                          what);
  }

  /// Takes what messages have come, and waits for a lease when the step has none yet.
  void takeMessages(uint64_t step) {
    while (true) {
      const bool leased = step < leased_until_;
      std::optional<ReceivedMessage> message =
          leased ? channel_.poll() : std::optional(waitForLease());
      if (!message) return;
      if (message->kind == KIND_STOP) {
        asked_to_stop_ = true;
        continue;
      }
      if (message->kind != KIND_LEASE) {
        throw Error(concat("unexpected ", Kind_Name(message->kind), " from rank ", message->from));
      }
      accept(message->as<ShardLease>());
    }
  }

  /// Asks the loader for the lease's batches. The model is made with the first lease, when all
  /// workers are there.
  void accept(const ShardLease& lease) {
    const uint32_t slice = lease.slice_end() - lease.slice_begin();
    const uint32_t images = slice / shards_;
    if (!model_) makeModel();
    const uint64_t batch = config_.solver().batch_size();
    const uint64_t passes = config_.solver().iter_size();
    for (uint64_t step = lease.first_step(); step < lease.first_step() + lease.steps(); ++step) {
      for (uint64_t shard = 0; shard < shards_; ++shard) {
        for (uint64_t pass = 0; pass < passes; ++pass) {
          const uint64_t begin =
              (step * passes + pass) * batch + lease.slice_begin() + shard * images;
          loader_.request(begin, begin + images);
        }
      }
    }
    leased_until_ = lease.first_step() + lease.steps();
  }

  LastCollective* lastCollective() {
    return heartbeat_ == nullptr ? nullptr : &heartbeat_->lastCollective();
  }

  /// Over several hosts, as the gradients' sums will go (GPUs' go over NCCL's own connections).
  void testNetwork() {
    if (session_.otherHost().empty() || !config_.worker().link_test()) return;
    WaitOptions waits = waitOptions(session_, config_.worker(), lastCollective());
    waits.waiting = Waiting::kAwake;
    const LinkReport report = testLinks(session_, wireOf(config_.worker()), waits);
    if (session_.isFirstWorker()) channel_.send(kCoordinator, KIND_LINKS, report);
  }

  void makeModel() {
    testNetwork();
    model_ = makeWorkerModel(session_, plan_, config_, dataset_.manifest(), lastCollective());
    forward_passes_ = model_->forward_passes;
    if (session_.workers() > 1) {
      ask_.emplace(session_.gradientLevels(), Wire::kFp32, 1,
                   waitOptions(session_, config_.worker(), lastCollective()), "checkpoint");
    }
    for (const std::string& text : model_->notes)
      tell(text);
    if (config_.worker().overlap() && !session_.threadsMayCallMpi()) {
      tell("this MPI library has no MPI_THREAD_MULTIPLE: gradients are reduced after backward");
    }
    flops_per_image_ = flopsPerImage(config_, model_->network, dataset_.manifest().classes());
    matrix_peak_ = model_->engine->matrixPeak();
    guard_.emplace(config_.solver(), model_->guard_loss);
    runner_ = std::make_unique<StepRunner>(session_, config_, length_, *model_->engine, loader_,
                                           *guard_, heartbeat_);
  }

  /// Something the user should know.
  void tell(const std::string& text) {
    WorkerNote note;
    note.set_text(text);
    channel_.send(kCoordinator, KIND_NOTE, note);
  }

  /// Together with the others, who mustn't wait in a reduction: that has a deadline, and a slow
  /// file system is no reason to end a job.
  void waitForTheCheckpointBefore() {
    if (!ask_) return;
    for (float writing = 1; writing > 0;) {
      writing = writer_.idleWithin(kAsk) ? 0 : 1;
      (*ask_)({&writing, 1});
    }
  }

  void writeCheckpoint(uint64_t step) {
    waitForTheCheckpointBefore();
    last_written_ = step;
    checkpointed_ = secondsNow();
    // With spread classes every worker writes its own; otherwise all hold the same.
    const bool first = session_.isFirstWorker();
    if (!first && !config_.head().class_parallel()) return;
    tellFinished(writer_.finish());
    CheckpointPart part;
    part.set_step(step);
    part.set_folder(checkpointWorkFolder(plan_.run_folder(), step).string());
    part.set_writers(config_.head().class_parallel() ? session_.workers() : 1);
    if (first) *part.mutable_manifest() = describeCheckpoint(step);
    writer_.begin(*model_->engine,
                  checkpointSlices(*model_->engine, model_->network, model_->classes.begin, first),
                  std::move(part));
  }

  CheckpointManifest describeCheckpoint(uint64_t step) const {
    const DatasetManifest& data = dataset_.manifest();
    CheckpointManifest manifest;
    manifest.set_step(step);
    manifest.set_forward_passes(forward_passes_);
    manifest.set_classes(data.classes());
    manifest.set_color_order(DatasetManifest::ColorOrder_Name(data.color_order()));
    manifest.set_alignment_template(data.alignment_template());
    manifest.set_normalization_mean(model_->network.mean);
    manifest.set_normalization_scale(model_->network.scale);
    manifest.set_dataset_sha256(data.sha256());
    *manifest.mutable_config() = config_;
    if (convolutionOf(config_.worker()) == Convolution::kFastest) {
      manifest.set_convolution_algorithms(model_->engine->convolutionAlgorithms());
    }
    if (guard_->mean()) manifest.set_guard_loss(*guard_->mean());
    describeTensors(model_->network, manifest);
    return manifest;
  }

  void tellFinished(const std::optional<CheckpointPart>& part) {
    if (part) channel_.send(kCoordinator, KIND_PART, *part);
  }

  const MpiSession& session_;
  Channel& channel_;
  Heartbeat* heartbeat_;  // may be null
  RunPlan plan_;
  TrainConfig config_;
  Dataset dataset_;
  RunLength length_;
  uint32_t shards_;
  Loader loader_;
  std::optional<WorkerModel> model_;
  std::optional<DivergenceGuard> guard_;
  std::unique_ptr<StepRunner> runner_;
  CheckpointWriter writer_;
  std::optional<AllReduce> ask_;          // of several workers: whether all have written theirs
  std::optional<uint64_t> last_written_;  // step of the newest checkpoint
  double checkpointed_ = secondsNow();    // when it, or the run, was begun
  uint64_t leased_until_ = 0;
  uint64_t forward_passes_ = 0;
  double flops_per_image_ = 0;
  double matrix_peak_ = 0;  // FLOP/s
  bool asked_to_stop_ = false;
  int skipped_in_a_row_ = 0;
  uint64_t last_skipped_ = 0;
  int roll_backs_ = 0;
};

}  // namespace

void train(const MpiSession& session) {
  MpiChannel channel(session.control());
  WorkerHello hello;
  hello.set_host(session.host());
  hello.set_pid(::getpid());
  hello.set_version(SPHEREFACE_VERSION);
  hello.set_heartbeats(session.threadsMayCallMpi());
  hello.set_processors(processorList());
  hello.set_place_on_host(session.placeOnHost());
  if (const std::optional<Route> route = routeTo(session.otherHost())) {
    hello.set_network(concat(route->interface, " ", route->address));
    // Unless the user has chosen: by itself NCCL may take a virtual bridge.
    ::setenv("NCCL_SOCKET_IFNAME", concat("=", route->interface).c_str(), 0);
  }
  channel.send(kCoordinator, KIND_HELLO, hello);
  const ReceivedMessage message = waitForMessage(channel, kStartPatience, "the plan");
  std::optional<Heartbeat> heartbeat;
  if (session.threadsMayCallMpi()) heartbeat.emplace(session.control());
  const WorkerGoodbye goodbye =
      Trainer(session, channel, message.as<RunPlan>(), heartbeat ? &*heartbeat : nullptr).run();
  heartbeat.reset();
  channel.send(kCoordinator, KIND_GOODBYE, goodbye);
}

}  // namespace sphereface
