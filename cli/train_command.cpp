// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// `sphereface train`: checks the configuration, starts the job with mpirun or srun, watches it.

#include <unistd.h>

#include <functional>
#include <memory>

#include "base/error.h"
#include "base/json.h"
#include "base/progress.h"
#include "base/stop_signal.h"
#include "base/this_process.h"
#include "cli/checkpoint_evaluation.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "data/dataset.h"
#include "launch/supervisor.h"
#include "model/checkpoint.h"
#include "model/checkpoint_check.h"
#include "model/schedule.h"
#include "model/train_config.h"
#include "run/run_folder.h"
#include "run/run_start.h"

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

std::string howToGoOn(const fs::path& run) {
  const std::vector<fs::path> checkpoints = listCheckpoints(run);
  if (checkpoints.empty()) return "no checkpoint was committed";
  return concat("continue from ", checkpoints.back().string(), " with --resume auto");
}

TrainingJob jobOf(const Options& options, const TrainConfig& config) {
  TrainingJob job;
  job.config = options.config;
  job.overrides = options.overrides;
  job.run = options.run;
  job.resume = options.resume;
  job.launcher = launcherNamed(options.launcher);
  if (!options.hosts.empty()) job.hosts = parseHosts(options.hosts);
  job.workers = options.workers;
  if (job.workers == 0) job.workers = job.hosts.empty() ? 1 : totalSlots(job.hosts);
  job.cpus_per_worker = options.cpus_per_worker;
  job.progress_bar = ::isatty(STDOUT_FILENO) == 1;
  job.start_limit = std::chrono::seconds(kStartFactor * config.coordinator().liveness_seconds());
  job.restarts = options.restarts;
  job.min_workers = options.min_workers;
  job.workers_share_shards = config.solver().reproducible_shards() > 0;
  return job;
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
  catchSuspend();
  outliveReaders();
  std::function<void()> beside;
  if (options.evaluate_beside) beside = [&] { evaluation.look(); };
  int code = kExitDone;
  if (!isTrained(options, config, output)) {
    const TrainingJob job = jobOf(options, config);
    const bool here = job.hosts.empty() && job.launcher == Launcher::kMpirun;
    checkStart(config, job.run, job.resume, job.workers, here);
    code = supervise(job, output, beside);
  }
  if (code == 128 + stopSignal() && stopRequested()) {
    throw Interrupted(stopSignal(), concat("the job was ended by ", signalName(stopSignal()), "; ",
                                           howToGoOn(options.run)));
  }
  if (code == kExitUsage) throw UsageError("the job refused its configuration (see above)");
  if (code == kExitStopped) {
    output.line("stopped", howToGoOn(options.run));
    return code;
  }
  if (code != 0) {
    throw Error(concat("the job ended with exit code ", code, " (see above for the rank); ",
                       howToGoOn(options.run)));
  }
  const Json summary = readJsonFile(RunFolder{options.run}.summary());
  if (!options.json.empty()) writeJsonFile(options.json, summary);
  output.line("trained",
              concat(summary.at("images").get<uint64_t>(), " images at ",
                     fixed(summary.at("images_per_second").get<double>(), 0), " images/s; loss ",
                     fixed(summary.at("loss_first").get<double>(), 4), " -> ",
                     fixed(summary.at("loss_last").get<double>(), 4), "; run folder ",
                     options.run.string()),
              summary);
  evaluation.finish();
  return kExitDone;
}

}  // namespace

void addTrainCommand(const Command& app) {
  auto options = std::make_shared<Options>();
  const Command verb = app.verb("train", "Train a network on a packed data set, over MPI ranks");
  verb.required("--config", &options->config, "Training configuration (configs/*.textproto)");
  verb.option("--workers", {&options->workers, "[1, 65536]"},
              "Training ranks; a coordinator comes on top (default 1, or all that --hosts takes)");
  verb.option("--hosts", &options->hosts,
              "NAME:WORKERS,NAME:WORKERS,...: the hosts to run on, the coordinator on the first; "
              "files have the same paths on all");
  verb.setting("--launcher", &options->launcher,
               "What starts the ranks: mpirun, or, in a Slurm allocation, srun (with --mpi=pmix)")
      .oneOf(launcherNames());
  verb.option("--cpus-per-worker", {&options->cpus_per_worker, "[1, 4096]"},
              "Keep each worker on so many CPUs of its own, and compute with so many threads "
              "(worker.threads); with OpenMPI's mpirun or srun");
  verb.option("--run", &options->run, "Run folder (default runs/NAME)");
  verb.setting("--resume", &options->resume,
               "auto (newest checkpoint of the run folder; a run at its end is left as it is), "
               "never, or a checkpoint folder");
  addOverridesOption(verb, options->overrides);
  verb.setting("--restarts", {&options->restarts, "[0, 1000000]"},
               "Start a job that failed again, from its newest checkpoint, up to so many times "
               "without a new checkpoint between");
  verb.setting("--min-workers", {&options->min_workers, "[0, 65536]"},
               "Restart with fewer workers each time, down to this many (0: as many as before)");
  verb.option("--device", &options->device, "cpu, or cuda: a GPU for every worker (worker.device)")
      .oneOf({"cpu", "cuda"});
  verb.setting("--log-format", &options->log_format,
               "text, or json: one object a line, on stdout and in the run folder's log.txt "
               "(coordinator.log_format)")
      .oneOf({"text", "json"});
  const Option evaluate_with =
      verb.option("--evaluate-with", &options->evaluate_with,
                  "Evaluate the last checkpoint: what stands behind `sphereface evaluate`, in "
                  "quotes, such as \"lfw --pairs P --images D\"; may be repeated")
          .repeated();
  verb.flag("--evaluate-beside", &options->evaluate_beside,
            "Evaluate checkpoints during the training, too, at low priority on this host: always "
            "the newest one, when the evaluation before has ended")
      .needs(evaluate_with);
  verb.flag("--trace", &options->trace,
            "Record ten steps into trace.json of the run folder (worker.trace_steps)");
  verb.option("--json", &options->json, "Also write the run's summary here");
  verb.footer(
      "Ctrl-C, SIGTERM, SIGUSR1 or a closed terminal: the job commits a checkpoint after the step "
      "at "
      "hand\nand ends with exit code 85; --resume auto goes on. A second Ctrl-C or SIGTERM ends it "
      "at "
      "once.\n"
      "Example: sphereface train --config configs/quickstart.textproto --workers 2 "
      "--set solver.steps=100\n"
      "         sphereface train --config C --hosts node1:8,node2:8\n"
      "         sphereface train --config C --evaluate-with \"lfw --pairs pairs.txt --images "
      "lfw-aligned\"");
  verb.actionWithCode([options] { return run(*options); });
}

}  // namespace sphereface
