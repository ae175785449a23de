// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// `sphereface train`: checks the configuration, starts the job with mpirun or srun, watches it.

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <functional>
#include <optional>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "base/host_name.h"
#include "base/json.h"
#include "base/progress.h"
#include "base/stop_signal.h"
#include "cli/checkpoint_evaluation.h"
#include "cli/commands.h"
#include "data/dataset.h"
#include "launch/dead_rank.h"
#include "launch/hosts.h"
#include "launch/launch.h"
#include "launch/lingering_mpirun.h"
#include "launch/rank_error.h"
#include "model/checkpoint.h"
#include "model/checkpoint_check.h"
#include "model/schedule.h"
#include "model/train_config.h"
#include "run/log_output.h"
#include "run/run_lock.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

struct Options {
  fs::path config;
  int workers = 0;  // as given; 0: not given
  std::string hosts;
  std::string launcher = launcherNames().front();
  int cpus_per_worker = 0;  // 0: they share their host's
  fs::path run;
  std::string resume = "never";
  std::vector<std::string> overrides;
  int restarts = 0;
  int min_workers = 0;
  std::string device;
  std::string log_format = "text";
  std::vector<std::string> evaluate_with;
  bool evaluate_beside = false;
  bool trace = false;
  fs::path json;
};

// A job that hasn't come through MPI's own start by then hangs there.
constexpr std::chrono::seconds kStartPatience{60};

// Seconds before a restart: 1, 2, 4, ... up to this.
constexpr int kLongestBackOff = 60;

/// With hosts each gets a part of its own: where mpirun puts the ranks of a part that spans several
/// depends on its version and on who else is there.
std::vector<JobPart> trainingParts(const Options& options, int workers) {
  std::vector<Host> places = {{"", workers}};
  if (!options.hosts.empty()) places = fillHosts(parseHosts(options.hosts), workers);
  JobPart coordinator;
  coordinator.place = {places.front().name, 1};
  coordinator.program = "sphereface-coordinator";
  coordinator.arguments = {"--config", options.config.string(), "--run", options.run.string(),
                           "--resume", options.resume};
  if (::isatty(STDOUT_FILENO) == 1) coordinator.arguments.emplace_back("--progress-bar");
  for (const std::string& item : options.overrides)
    coordinator.arguments.insert(coordinator.arguments.end(), {"--set", item});
  std::vector<JobPart> parts = {coordinator};
  for (const Host& place : places)
    parts.push_back({place, "sphereface-worker", {}, options.cpus_per_worker});
  return parts;
}

/// A job that failed of itself, not by its configuration or as it was asked to.
bool mayRestart(int code) {
  return code != kExitDone && code != kExitUsage && code != kExitStopped;
}

/// The workers of the next try: one less, or, when they share virtual shards, half.
int fewerWorkers(int workers, int min_workers, const TrainConfig& config) {
  const bool halves = config.solver().reproducible_shards() > 0;
  const int fewer = halves ? workers / 2 : workers - 1;
  return fewer >= min_workers ? fewer : workers;
}

int firstWorkers(const Options& options) {
  if (options.workers > 0) return options.workers;
  return options.hosts.empty() ? 1 : totalSlots(parseHosts(options.hosts));
}

void addEvent(const fs::path& events, const std::string& kind, const std::string& text,
              const Json& details = Json::object()) {
  Json line;
  line["time"] = unixTime();
  line["event"] = kind;
  line["text"] = text;
  line.update(details);
  std::ofstream(events, std::ios::app) << jsonText(line) << std::endl;
}

/// Whether no other job has the run folder. This one's coordinator, when it is killed, may have it
/// for a moment longer than mpirun waits for.
bool runIsFree(const fs::path& run) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  while (isLocked(run)) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return true;
}

uintmax_t sizeOf(const fs::path& file) {
  return fs::exists(file) ? fs::file_size(file) : 0;
}

/// Says once when a start takes too long for a coordinator to have taken the run folder or written
/// an event: before that no rank of ours can say anything.
class StartWatch {
 public:
  explicit StartWatch(fs::path events)
      : events_(std::move(events)), size_at_start_(sizeOf(events_)) {}

  void look() {
    if (settled_ || Clock::now() < patience_ends_) return;
    settled_ = true;
    if (isLocked(events_.parent_path()) || sizeOf(events_) != size_at_start_) return;
    std::fprintf(
        stderr,
        "sphereface: no coordinator after %lld s: the ranks wait for each other in MPI's "
        "start; a host may be unreachable, the network between them one that leads nowhere "
        "(OMPI_MCA_btl_tcp_if_include=10.0.0.0/24, say, chooses), or a rank stopped\n",
        static_cast<long long>(kStartPatience.count()));
  }

 private:
  using Clock = std::chrono::steady_clock;

  fs::path events_;
  uintmax_t size_at_start_;
  bool settled_ = false;
  Clock::time_point patience_ends_ = Clock::now() + kStartPatience;
};

/// SIGTERM and SIGUSR1 become the launcher's SIGUSR1, which it hands to every rank; SIGTERM would
/// make it end them at once.
/// `beside`, if any, is called ten times a second meanwhile.
int runJob(const JobStart& start, const fs::path& events, const std::function<void()>& beside) {
  const uintmax_t job_begin = sizeOf(events);
  RankErrorFinder error;
  bool told = false;
  bool ended = false;
  LingeringMpirun lingering;
  StartWatch start_watch(events);
  auto look = [&](pid_t launcher) {
    if (beside) beside();
    start_watch.look();
    if (!told && stopRequested()) {
      told = true;
      ::kill(launcher, SIGUSR1);
    }
    if (!ended && lingering.waitsInVain(launcher, LingeringMpirun::Clock::now())) {
      ended = true;
      std::fprintf(stderr,
                   "sphereface: the coordinator has ended, but mpirun still waits for hosts it "
                   "cannot reach: ending it\n");
      endMpirun(launcher);
    }
  };
  const JobEnd end = start.run(look, [&](std::string_view errors) { error.read(errors); });
  if (end.dead) {
    const std::string text = describeDeadRank(*end.dead, events, job_begin);
    std::fprintf(stderr, "sphereface: %s\n", text.c_str());
    addEvent(events, "lost", text, {{"rank", end.dead->rank}});
  } else if (error.found() && end.code != kExitUsage && runIsFree(events.parent_path())) {
    addEvent(events, "failed", *error.found());
  }
  return ended ? static_cast<int>(kExitFailed) : end.code;
}

/// Waits. True as soon as a stop is asked for.
bool stoppedWithin(int seconds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  while (!stopRequested() && std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  return stopRequested();
}

/// Runs the job until it ends otherwise than by failing, or has failed too often since its newest
/// checkpoint.
int runWithRestarts(Options options, const TrainConfig& config, LogOutput& output,
                    const std::function<void()>& beside) {
  fs::path newest;
  int workers = firstWorkers(options);
  const Launcher launcher = launcherNamed(options.launcher);
  for (int restart = 0;; ++restart) {
    SharedNetwork network;
    if (!options.hosts.empty()) network = networkOf(parseHosts(options.hosts));
    if (const std::string text = networkText(network); !text.empty()) output.line("network", text);
    const JobStart start(launcher, trainingParts(options, workers), network.route);
    output.line("run", shellText(start.line()));
    const int code = runJob(start, options.run / "events.jsonl", beside);
    const std::vector<fs::path> checkpoints = listCheckpoints(options.run);
    if (!checkpoints.empty() && checkpoints.back() != newest) {
      newest = checkpoints.back();
      restart = 0;
    }
    if (!mayRestart(code) || restart == options.restarts || stopRequested()) return code;
    const int seconds = std::min(kLongestBackOff, 1 << std::min(restart, 10));
    options.resume = "auto";
    if (options.min_workers > 0) workers = fewerWorkers(workers, options.min_workers, config);
    output.line(concat("restart ", restart + 1, " of ", options.restarts),
                concat("the job ended with exit code ", code, "; again with ", workers,
                       workers == 1 ? " worker" : " workers", " in ", seconds, " s"));
    if (stoppedWithin(seconds)) return code;
  }
}

/// Whether the run that is to be continued has reached its end. Where something is amiss with its
/// newest checkpoint or the data, the coordinator knows what to do and say.
bool isTrained(const Options& options, const TrainConfig& config, LogOutput& output) {
  const std::vector<fs::path> checkpoints = listCheckpoints(options.run);
  if (options.resume != "auto" || checkpoints.empty()) return false;
  const fs::path& newest = checkpoints.back();
  try {
    const CheckpointManifest manifest = readCheckpointManifest(newest);
    const uint64_t records = Dataset(config.data().lmdb()).manifest().records();
    if (manifest.step() < runLength(config.solver(), records).steps) return false;
    verifyCheckpoint(newest, manifest);
  } catch (const Error&) {
    return false;
  }
  output.line("resume", concat(newest.string(), " is at the run's end already"));
  return true;
}

int run(Options options) {
  if (options.trace) options.overrides.emplace_back("worker.trace_steps=10");
  if (!options.device.empty()) {
    options.overrides.emplace_back(options.device == "cuda" ? "worker.device=CUDA"
                                                            : "worker.device=CPU");
  }
  if (options.log_format == "json") options.overrides.emplace_back("coordinator.log_format=JSON");
  if (options.cpus_per_worker > 0) {
    options.overrides.emplace_back(concat("worker.threads=", options.cpus_per_worker));
  }
  const TrainConfig config = loadTrainConfig(options.config, options.overrides);
  LogOutput output(config.coordinator().log_format(), concat("train@", hostName()));
  if (options.run.empty()) options.run = fs::path("runs") / config.name();
  CheckpointEvaluation evaluation(options.evaluate_with, options.run, output);
  evaluation.check();
  catchStopSignals();
  std::function<void()> beside;
  if (options.evaluate_beside) beside = [&] { evaluation.look(); };
  const int code = isTrained(options, config, output)
                       ? kExitDone
                       : runWithRestarts(options, config, output, beside);
  if (code == kExitUsage) throw UsageError("the job refused its configuration (see above)");
  if (code == kExitStopped) return code;
  if (code != 0) {
    const std::vector<fs::path> checkpoints = listCheckpoints(options.run);
    throw Error(concat("the job ended with exit code ", code, " (see above for the rank); ",
                       checkpoints.empty() ? std::string("no checkpoint was committed")
                                           : concat("continue from ", checkpoints.back().string(),
                                                    " with --resume auto")));
  }
  const Json summary = readJsonFile(options.run / "summary.json");
  if (!options.json.empty()) writeJsonFile(options.json, summary);
  output.line("trained",
              concat(summary.at("images").get<uint64_t>(), " images at ",
                     fixed(summary.at("images_per_second"), 0), " images/s; loss ",
                     fixed(summary.at("loss_first"), 4), " -> ", fixed(summary.at("loss_last"), 4),
                     "; run folder ", options.run.string()),
              summary);
  evaluation.finish();
  return kExitDone;
}

}  // namespace

void addTrainCommand(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* verb =
      app.add_subcommand("train", "Train a network on a packed data set, over MPI ranks");
  verb->add_option("--config", options->config, "Training configuration (configs/*.textproto)")
      ->required();
  verb->add_option("--workers", options->workers,
                   "Training ranks; a coordinator comes on top (default 1, or all that --hosts "
                   "takes)")
      ->check(CLI::PositiveNumber);
  verb->add_option("--hosts", options->hosts,
                   "NAME:WORKERS,NAME:WORKERS,...: the hosts to run on, the coordinator on the "
                   "first; files have the same paths on all");
  verb->add_option(
          "--launcher", options->launcher,
          "What starts the ranks: mpirun, or, in a Slurm allocation, srun (with --mpi=pmix)")
      ->check(CLI::IsMember(launcherNames()))
      ->capture_default_str();
  verb->add_option("--cpus-per-worker", options->cpus_per_worker,
                   "Keep each worker on so many CPUs of its own, and compute with so many threads "
                   "(worker.threads); with OpenMPI's mpirun or srun")
      ->check(CLI::PositiveNumber);
  verb->add_option("--run", options->run, "Run folder (default runs/NAME)");
  verb->add_option("--resume", options->resume,
                   "auto (newest checkpoint of the run folder; a run at its end is left as it is), "
                   "never, or a checkpoint folder")
      ->capture_default_str();
  verb->add_option("--set", options->overrides,
                   "FIELD.FIELD=VALUE, over the configuration's; may be repeated")
      ->allow_extra_args(false);
  verb->add_option("--restarts", options->restarts,
                   "Start a job that failed again, from its newest checkpoint, up to so many times "
                   "without a new checkpoint between")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  verb->add_option("--min-workers", options->min_workers,
                   "Restart with fewer workers each time, down to this many (0: as many as before)")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  verb->add_option("--device", options->device,
                   "cpu, or cuda: a GPU for every worker (worker.device)")
      ->check(CLI::IsMember({"cpu", "cuda"}));
  verb->add_option("--log-format", options->log_format,
                   "text, or json: one object a line, on stdout and in the run folder's log.txt "
                   "(coordinator.log_format)")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  CLI::Option* evaluate_with =
      verb->add_option("--evaluate-with", options->evaluate_with,
                       "Evaluate the last checkpoint: what stands behind `sphereface evaluate`, in "
                       "quotes, such as \"lfw --pairs P --images D\"; may be repeated")
          ->allow_extra_args(false);
  verb->add_flag("--evaluate-beside", options->evaluate_beside,
                 "Evaluate checkpoints during the training, too, at low priority on this host: "
                 "always the newest one, when the evaluation before has ended")
      ->needs(evaluate_with);
  verb->add_flag("--trace", options->trace,
                 "Record ten steps into trace.json and plots/timeline.png of the run folder "
                 "(worker.trace_steps)");
  verb->add_option("--json", options->json, "Also write the run's summary here");
  verb->footer(
      "SIGTERM or SIGUSR1 to this process: the job commits a checkpoint after the step at hand and "
      "ends\nwith exit code 85.\n"
      "Example: sphereface train --config configs/quickstart.textproto --workers 2 "
      "--set solver.steps=100\n"
      "         sphereface train --config C --hosts node1:8,node2:8\n"
      "         sphereface train --config C --evaluate-with \"lfw --pairs pairs.txt --images "
      "lfw-aligned\"");
  verb->callback([options] {
    const int code = run(*options);
    if (code != kExitDone) throw CLI::RuntimeError(code);
  });
}

}  // namespace sphereface
