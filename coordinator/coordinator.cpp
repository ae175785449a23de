// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "coordinator/coordinator.h"

#include <signal.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/progress.h"
#include "base/stop_signal.h"
#include "control/channel.h"
#include "coordinator/liveness.h"
#include "coordinator/stragglers.h"
#include "data/dataset.h"
#include "model/checkpoint.h"
#include "model/network_config.h"
#include "model/schedule.h"
#include "model/train_config.h"
#include "proto/text_format.h"
#include "run/json_lines.h"
#include "run/log_output.h"
#include "run/run_folder.h"
#include "run/run_log.h"
#include "run/run_start.h"
#include "run/share.h"
#include "run/step_collector.h"
#include "watch/chrome_trace.h"
#include "watch/link_findings.h"
#include "watch/run_comparison.h"
#include "watch/run_curves.h"
#include "watch/run_monitor.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

// Between looks at liveness, and at signals while no message comes. OpenMPI 5 kills a quarter of a
// second after its SIGTERM.
constexpr std::chrono::milliseconds kLook{50};
// Between tellings of what was last heard of the workers.
constexpr std::chrono::seconds kTell{1};

class Coordinator {
 public:
  Coordinator(Channel& channel, int workers, std::string name, const CoordinatorOptions& options)
      : channel_(channel),
        workers_(workers),
        name_(std::move(name)),
        config_(loadTrainConfig(options.config, options.overrides)),
        run_{options.run.empty() ? fs::path("runs") / config_.name() : options.run},
        data_(Dataset(config_.data().lmdb()).manifest()),
        length_(runLength(config_.solver(), data_.records())),
        collector_(workers, static_cast<int>(config_.solver().iter_size())),
        liveness_(workers, std::chrono::seconds(config_.coordinator().liveness_seconds()),
                  std::chrono::seconds(config_.worker().collective_timeout()),
                  Liveness::Clock::now()),
        stragglers_(workers),
        progress_bar_(options.progress_bar),
        hosts_(static_cast<size_t>(workers)) {
    checkDataset(data_, config_);
    checkWorkers(config_, workers);
    checkClasses(config_, workers, data_.classes());
    fs::create_directories(run_.path);
    lock_.emplace(run_.path);
    start_ = chooseStart(config_, data_.records(), run_.path, options.resume);
    rewindRunFolder(run_.path, start_.first_step);
    writeFileAtomically(run_.config(), printText(config_));
  }

  int run() {
    const RunIdentity identity = identify();
    monitor_.emplace(run_.path, config_.coordinator(), identity);
    RunShape shape;
    shape.first_step = start_.first_step;
    shape.steps = length_.steps;
    shape.records = data_.records();
    shape.classes = data_.classes();
    shape.log_every_steps = config_.coordinator().log_every_steps();
    shape.world_size = workers_;
    shape.clip_gradients = config_.solver().clip_gradients();
    LogOutput output(config_.coordinator().log_format(), name_, run_.log(), progress_bar_);
    RunLog log(run_.path, shape, output);
    describe(output);
    if (!lock_->note().empty()) output.line("lock", lock_->note());
    for (const std::string& damage : start_.damaged)
      log.event("damaged", concat(damage, "; going back to ", start_.resume_from.string()));
    log.event("start",
              concat("training from step ", start_.first_step, " with ", workers_,
                     workers_ == 1 ? " worker" : " workers"),
              {{"first_step", start_.first_step},
               {"steps", length_.steps},
               {"workers", workers_},
               {"images_per_step", length_.images_per_step},
               {"records", data_.records()},
               {"classes", data_.classes()},
               {"network", identity.network},
               {"head", identity.head}});
    while (goodbyes_ < workers_) {
      const auto message = channel_.wait(kLook);
      if (message) {
        liveness_.tick(Liveness::Clock::now());
        liveness_.heard(message->from, Liveness::Clock::now());
        handle(*message, log);
      }
      // By the clock, whatever arrives: of a thousand workers one message or another always does.
      if (Liveness::Clock::now() >= next_look_) {
        next_look_ = Liveness::Clock::now() + kLook;
        liveness_.tick(Liveness::Clock::now());  // what was done with the message took its time
        endWhenOneIsLost(log);
      }
      if (Liveness::Clock::now() >= next_telling_) {
        next_telling_ = Liveness::Clock::now() + kTell;
        lock_->check();
        monitor_->workers(liveness_.lastHeard(Liveness::Clock::now()), heartbeats_);
      }
      if (stopSignal() != stop_signal_) passOnStop(log);
    }
    log.finish(commits_);
    if (log.hasMetrics()) {
      atBest("plot", log, [&] { return writeTrainingPlot(run_.path, config_.name()); });
    }
    if (!timelines_.empty()) {
      atBest("trace", log, [&] {
        writeJsonFile(run_.trace(), chromeTrace(timelines_));
        return run_.trace();
      });
    }
    if (stopped_) {
      log.event("stopped", concat("as asked; continue from ", newest_checkpoint_.string(),
                                  " with --resume auto"));
      return kExitStopped;
    }
    log.event("end", concat("trained to step ", shape.steps, "; newest checkpoint ",
                            newest_checkpoint_.string()));
    return kExitDone;
  }

 private:
  /// Makes a file of what a run has been. That it can't must not make the run a failure.
  static void atBest(const char* what, RunLog& log, const std::function<fs::path()>& make) {
    try {
      log.event(what, make().string());
    } catch (const std::exception& e) {
      log.event("note", concat("no ", what, ": ", e.what()));
    }
  }

  RunIdentity identify() const {
    RunIdentity identity;
    identity.name = config_.name();
    identity.network = buildNetwork(config_.network()).name;
    identity.head = headText(config_.head());
    identity.steps = length_.steps;
    identity.classes = data_.classes();
    identity.workers = workers_;
    identity.checkpoint_every = config_.checkpoint().every_steps();
    JsonLines(run_.events()).read([&](const Json& event) {
      identity.restarts += event.value("event", Json()) == "start" ? 1 : 0;
    });
    return identity;
  }

  void describe(LogOutput& output) const {
    const SolverConfig& solver = config_.solver();
    const Network network = buildNetwork(config_.network());
    output.line("run",
                concat(config_.name(), ": ", network.name, " (",
                       formatScaled(static_cast<double>(network.parameter_count)), " parameters), ",
                       data_.classes(), " classes, ", data_.records(), " images"));
    output.line("plan", concat("effective global batch ", length_.images_per_step, " = batch_size ",
                               solver.batch_size(), " x iter_size ", solver.iter_size(), ", over ",
                               workers_, workers_ == 1 ? " worker" : " workers"));
    output.line("plan",
                concat("to go: steps ", start_.first_step, "..", length_.steps, ", ",
                       length_.images(length_.steps - start_.first_step), " images, ",
                       fixed(length_.epochs(length_.steps - start_.first_step), 2), " epochs"));
    output.line("plan", concat("loss of chance ln(", data_.classes(),
                               ") = ", fixed(std::log(data_.classes()), 4)));
    output.line("run folder", run_.path.string());
    output.line("serving", monitor_->describe());
    // To a terminal alone: log.txt and a scheduler's file of stdout may be anybody's to read.
    if (progress_bar_ && !monitor_->secretUrl().empty()) {
      std::printf("dashboard: %s\n", monitor_->secretUrl().c_str());
    }
  }

  void handle(const ReceivedMessage& message, RunLog& log) {
    switch (message.kind) {
      case KIND_HELLO:
        return welcome(message.from, message.as<WorkerHello>(), log);
      case KIND_STEP:
        return takeReport(message.from, message.as<StepReport>(), log);
      case KIND_PART:
        return takePart(message.as<CheckpointPart>(), log);
      case KIND_NOTE:
        return note(message.from, message.as<WorkerNote>(), log);
      case KIND_LINKS:
        return takeLinks(message.as<LinkReport>(), log);
      case KIND_ROLL_BACK:
        monitor_->rollBack();
        return log.rollBack(message.as<RollBack>());
      case KIND_TIMELINE:
        timelines_[message.from] = message.as<Timeline>();
        return;
      case KIND_HEARTBEAT:
        return liveness_.heartbeat(message.from, message.as<WorkerHeartbeat>(),
                                   Liveness::Clock::now());
      case KIND_GOODBYE:
        ++goodbyes_;
        stopped_ = stopped_ || message.as<WorkerGoodbye>().stopped();
        return liveness_.goodbye(message.from);
      default:
        throw Error(concat("unexpected ", Kind_Name(message.kind), " from rank ", message.from));
    }
  }

  void welcome(int rank, const WorkerHello& hello, RunLog& log) {
    if (hello.version() != SPHEREFACE_VERSION) {
      throw Error(concat("rank ", rank, "@", hello.host(), " is version ", hello.version(),
                         ", the coordinator is " SPHEREFACE_VERSION));
    }
    announce(rank, hello, log);
    liveness_.hello(rank, hello.host(), Liveness::Clock::now());
    hosts_.at(static_cast<size_t>(rank - 1)) = hello.host();
    heartbeats_ = heartbeats_ || hello.heartbeats();
    RunPlan plan;
    plan.set_config(printText(config_));
    plan.set_run_folder(fs::absolute(run_.path).string());
    plan.set_first_step(start_.first_step);
    if (!start_.resume_from.empty())
      plan.set_resume_from(fs::absolute(start_.resume_from).string());
    channel_.send(rank, KIND_PLAN, plan);
    if (++hellos_ == workers_) leaseAhead(start_.first_step);
  }

  /// What runs where.
  void announce(int rank, const WorkerHello& hello, RunLog& log) const {
    std::string text = concat("rank ", rank, "@", hello.host(), " pid ", hello.pid(),
                              ", processors ", hello.processors());
    Json details = {{"rank", rank},
                    {"host", hello.host()},
                    {"pid", hello.pid()},
                    {"processors", hello.processors()}};
    if (config_.worker().device() == WorkerConfig::CUDA) {
      text += concat(", GPU ", hello.place_on_host());
      details["gpu"] = hello.place_on_host();
    }
    if (hello.has_network()) {
      text += concat(", network ", hello.network());
      details["network"] = hello.network();
    }
    log.event("worker", text, details);
  }

  void takeLinks(const LinkReport& report, RunLog& log) const {
    const LinkFindings findings = judgeLinks(report, hosts_);
    log.event("links", findings.summary, findings.details);
    for (const std::string& slow : findings.slow)
      log.event("slow_link", slow);
  }

  /// errors: Error naming the workers that are silent, or don't get on, if there are any.
  void endWhenOneIsLost(RunLog& log) const {
    const auto now = Liveness::Clock::now();
    const std::vector<LastHeard> silent =
        heartbeats_ ? liveness_.silent(now) : liveness_.absent(now);
    std::vector<LastHeard> stuck;
    if (heartbeats_) stuck = liveness_.stuck(now);
    if (silent.empty() && stuck.empty()) return;
    const std::string text = silent.empty() ? describeStuck(stuck) : describeSilent(silent);
    log.record("lost", text, {{"workers", jsonOf(silent.empty() ? stuck : silent)}});
    throw Error(text);
  }

  static Json jsonOf(const std::vector<LastHeard>& workers) {
    Json array = Json::array();
    for (const LastHeard& last : workers) {
      array.push_back({{"rank", last.rank},
                       {"host", last.host},
                       {"seconds_ago", last.ago.count()},
                       {"doing", last.doing}});
    }
    return array;
  }

  /// A signal reached this process alone, or all: the workers agree on a step either way. By
  /// SIGTERM mpirun also announces that it is about to kill all because one has died, so this may
  /// be the last chance to say what that one was doing (launch/dead_rank.h looks for it).
  void passOnStop(RunLog& log) {
    const bool first = stop_signal_ == 0;
    stop_signal_ = stopSignal();
    log.event("stop",
              stop_signal_ == SIGTERM
                  ? "SIGTERM: a checkpoint after this step, if there is time, then the end"
                  : "asked to stop: a checkpoint after this step, then the end",
              {{"workers", jsonOf(liveness_.lastHeard(Liveness::Clock::now()))}});
    if (!first) return;
    for (int worker = 1; worker <= workers_; ++worker)
      channel_.send(worker, KIND_STOP, StopRequest());
  }

  void note(int rank, const WorkerNote& note, RunLog& log) {
    if (!notes_.insert(note.text()).second) return;
    log.event("note", concat("rank ", rank, ": ", note.text()), {{"rank", rank}});
  }

  /// Keeps every worker's leases at least half a lease ahead of `step`.
  void leaseAhead(uint64_t step) {
    const uint64_t size = config_.coordinator().lease_steps();
    if (leased_until_ == 0) leased_until_ = start_.first_step;
    while (leased_until_ < length_.steps && leased_until_ < step + size + size / 2) {
      const uint64_t steps = std::min(size, length_.steps - leased_until_);
      for (int worker = 0; worker < workers_; ++worker) {
        ShardLease lease;
        lease.set_first_step(leased_until_);
        lease.set_steps(steps);
        const Share slice = shareOf(config_.solver().batch_size(), workers_, worker);
        lease.set_slice_begin(slice.begin);
        lease.set_slice_end(slice.end);
        channel_.send(worker + 1, KIND_LEASE, lease);
      }
      leased_until_ += steps;
      monitor_->leased(leased_until_);
    }
  }

  void takeReport(int rank, StepReport report, RunLog& log) {
    liveness_.stepDone(rank, report, Liveness::Clock::now());
    leaseAhead(report.step() + 1);
    stragglers_.add(rank - 1, report);
    const std::optional<StepSummary> step = collector_.add(rank - 1, std::move(report));
    if (!step) return;
    const std::optional<IntervalSummary> interval = log.step(*step);
    if (!step->skipped) {
      loss_sum_ += step->figures["loss"];
      ++loss_count_;
    }
    monitor_->step(*step);
    if (interval) monitor_->interval(*interval, hosts_);
    if (config_.worker().audit_records()) audit(*step);
    if ((step->step + 1) % config_.coordinator().log_every_steps() == 0) nameStragglers(log);
  }

  void nameStragglers(RunLog& log) {
    for (const Stragglers::Change& change : stragglers_.endInterval()) {
      const int rank = change.worker + 1;
      const std::string name =
          concat("rank ", rank, "@", hosts_[static_cast<size_t>(change.worker)]);
      log.event("straggler",
                change.slow ? concat(name, " keeps the others waiting: its steps take ",
                                     std::round(10 * change.ratio) / 10, " times theirs, ",
                                     std::lround(100 * change.loader_share),
                                     " % of that waiting for images")
                            : concat(name, " keeps up again"),
                {{"rank", rank}, {"slow", change.slow}});
    }
    monitor_->stragglers(stragglers_.count());
  }

  void audit(const StepSummary& step) {
    if (!audit_.is_open()) audit_.open(run_.records(), std::ios::app);
    audit_ << step.step;
    for (const uint64_t record : step.records)
      audit_ << '\t' << record;
    audit_ << std::endl;
    if (!audit_) throw Error(concat("cannot write ", run_.records().string()));
  }

  /// Commits the checkpoint once all its writers have written.
  void takePart(const CheckpointPart& part, RunLog& log) {
    CheckpointPart& whole = uncommitted_[part.step()];
    const int written = whole.writers() + 1;
    const double seconds = std::max(whole.seconds(), part.seconds());
    whole.MergeFrom(part);
    whole.set_writers(written);
    whole.set_seconds(seconds);
    if (written < part.writers()) return;
    CheckpointManifest& manifest = *whole.mutable_manifest();
    *manifest.mutable_part() = whole.part();
    std::sort(manifest.mutable_part()->begin(), manifest.mutable_part()->end(),
              [](const auto& a, const auto& b) {
                return std::pair(a.content(), a.offset()) < std::pair(b.content(), b.offset());
              });
    if (loss_count_ > 0) manifest.set_loss(loss_sum_ / static_cast<double>(loss_count_));
    loss_sum_ = 0;
    loss_count_ = 0;
    newest_checkpoint_ = checkpointFolder(run_.path, part.step());
    commitCheckpoint(whole.folder(), manifest, newest_checkpoint_);
    uncommitted_.erase(part.step());
    ++commits_;
    monitor_->checkpoint(part.step(), seconds);
    log.event("checkpoint", newest_checkpoint_.string(),
              {{"step", part.step()}, {"seconds", seconds}});
    removeOldCheckpoints(run_.path, config_.checkpoint());
  }

  Channel& channel_;
  int workers_;
  std::string name_;
  TrainConfig config_;
  RunFolder run_;
  std::optional<RunLock> lock_;
  DatasetManifest data_;
  RunLength length_;
  StepCollector collector_;
  std::optional<RunMonitor> monitor_;
  Liveness liveness_;
  Stragglers stragglers_;
  bool progress_bar_;
  std::vector<std::string> hosts_;  // of each worker
  std::set<std::string> notes_;     // shown already
  std::ofstream audit_;
  Timelines timelines_;
  RunStart start_;
  fs::path newest_checkpoint_;
  std::map<uint64_t, CheckpointPart> uncommitted_;  // by step: what has come of them
  double loss_sum_ = 0;                             // of the steps since the last commit
  uint64_t loss_count_ = 0;
  uint64_t leased_until_ = 0;
  int hellos_ = 0;
  int goodbyes_ = 0;
  int commits_ = 0;
  bool heartbeats_ = false;
  Liveness::Clock::time_point next_look_ = {};
  Liveness::Clock::time_point next_telling_ = {};
  int stop_signal_ = 0;  // passed on; 0: none
  bool stopped_ = false;
};

}  // namespace

int coordinate(Channel& channel, int workers, const std::string& name,
               const CoordinatorOptions& options) {
  return Coordinator(channel, workers, name, options).run();
}

}  // namespace sphereface
