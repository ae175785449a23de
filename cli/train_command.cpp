// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// `sphereface train`: checks the configuration, composes the mpirun line, prints it, runs it.

#include <cstdio>

#include "base/error.h"
#include "base/json.h"
#include "cli/commands.h"
#include "control/mpirun.h"
#include "model/checkpoint.h"
#include "model/train_config.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

struct Options {
  fs::path config;
  int workers = 1;
  fs::path run;
  std::string resume = "never";
  std::vector<std::string> overrides;
  bool trace = false;
  fs::path json;
};

CommandLine trainingLine(const Options& options) {
  CommandLine line = mpirunLine();
  line.insert(line.end(), {"-np", "1", siblingProgram("sphereface-coordinator").string(),  //
                           "--config", options.config.string(), "--run", options.run.string(),
                           "--resume", options.resume});
  for (const std::string& item : options.overrides)
    line.insert(line.end(), {"--set", item});
  line.insert(line.end(), {":", "-np", std::to_string(options.workers),
                           siblingProgram("sphereface-worker").string()});
  return line;
}

void run(Options options) {
  if (options.trace) options.overrides.emplace_back("worker.trace_steps=10");
  const TrainConfig config = loadTrainConfig(options.config, options.overrides);
  if (config.worker().device() == WorkerConfig::CUDA) {
    throw Error("worker.device CUDA: this program was built without GPU kernels; use CPU");
  }
  if (options.run.empty()) options.run = fs::path("runs") / config.name();
  const CommandLine line = trainingLine(options);
  std::printf("%s\n", shellText(line).c_str());
  std::fflush(stdout);

  const int code = runProgram(line, mpirunEnvironment());
  if (code == kNoSuchProgram) throw Error("cannot run mpirun: is OpenMPI installed?");
  if (code == kExitUsage) throw UsageError("the job refused its configuration (see above)");
  if (code != 0) {
    const std::vector<fs::path> checkpoints = listCheckpoints(options.run);
    throw Error(concat("the job ended with exit code ", code, " (see above for the rank); ",
                       checkpoints.empty() ? std::string("no checkpoint was committed")
                                           : concat("continue from ", checkpoints.back().string(),
                                                    " with --resume auto")));
  }
  const Json summary = readJsonFile(options.run / "summary.json");
  if (!options.json.empty()) writeJsonFile(options.json, summary);
  std::printf("trained %llu images at %.0f images/s; loss %.4f -> %.4f; run folder %s\n",
              static_cast<unsigned long long>(summary.at("images").get<uint64_t>()),
              summary.at("images_per_second").get<double>(), summary.at("loss_first").get<double>(),
              summary.at("loss_last").get<double>(), options.run.c_str());
}

}  // namespace

void addTrainCommand(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("train", "Train a network on a packed data set, with mpirun");
  verb->add_option("--config", options->config, "Training configuration (configs/*.textproto)")
      ->required();
  verb->add_option("--workers", options->workers, "Training ranks; a coordinator comes on top")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  verb->add_option("--run", options->run, "Run folder (default runs/NAME)");
  verb->add_option("--resume", options->resume,
                   "auto (newest checkpoint of the run folder), never, or a checkpoint folder")
      ->capture_default_str();
  verb->add_option("--set", options->overrides,
                   "FIELD.FIELD=VALUE, over the configuration's; may be repeated")
      ->allow_extra_args(false);
  verb->add_flag("--trace", options->trace,
                 "Record ten steps into trace.json and plots/timeline.png of the run folder "
                 "(worker.trace_steps)");
  verb->add_option("--json", options->json, "Also write the run's summary here");
  verb->footer(
      "Example: sphereface train --config configs/quickstart.textproto --workers 2 "
      "--set solver.steps=100");
  verb->callback([options] { run(*options); });
}

}  // namespace sphereface
