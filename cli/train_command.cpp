// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// `sphereface train`: checks the configuration, composes the mpirun line, prints it, runs it.

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/error.h"
#include "base/json.h"
#include "cli/commands.h"
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

/// The other executables lie beside this one.
fs::path sibling(const char* name) {
  fs::path path = fs::read_symlink("/proc/self/exe").parent_path() / name;
  if (!fs::exists(path))
    throw Error(concat("missing ", path.string(), ": the build is incomplete"));
  return path;
}

std::vector<std::string> mpirunLine(const Options& options) {
  std::vector<std::string> line = {"mpirun", "--oversubscribe", "--bind-to", "none",
                                   // Debian 13's mpirun (OpenMPI 5.0.7) crashes on a line with a
                                   // colon while it sets variables nobody here reads.
                                   "--mca", "pmdl", "^ompi",                                //
                                   "-np", "1", sibling("sphereface-coordinator").string(),  //
                                   "--config", options.config.string(), "--run",
                                   options.run.string(), "--resume", options.resume};
  for (const std::string& item : options.overrides)
    line.insert(line.end(), {"--set", item});
  line.insert(line.end(),
              {":", "-np", std::to_string(options.workers), sibling("sphereface-worker").string()});
  return line;
}

std::string quoted(const std::string& word) {
  if (word.find_first_of(" \"'$\\[]*?{}&;|<>()") == std::string::npos && !word.empty()) return word;
  std::string text = "'";
  for (const char c : word)
    text += c == '\'' ? "'\\''" : std::string(1, c);
  return text + "'";
}

/// Runs `line` and returns its exit code, 128 + signal if one ended it.
int runProgram(const std::vector<std::string>& line) {
  std::vector<char*> arguments;
  arguments.reserve(line.size() + 1);
  for (const std::string& word : line)
    arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const pid_t child = ::fork();
  if (child < 0) throw Error(concat("cannot start ", line[0], ": ", std::strerror(errno)));
  if (child == 0) {
    // OpenMPI refuses root unless told twice; in a container root is the usual user.
    if (::geteuid() == 0) {
      ::setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 1);
      ::setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 1);
    }
    ::execvp(arguments[0], arguments.data());
    std::fprintf(stderr, "sphereface: error: cannot run %s: %s (is OpenMPI installed?)\n",
                 arguments[0], std::strerror(errno));
    ::_exit(127);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) throw Error(concat("waiting for ", line[0], ": ", std::strerror(errno)));
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void run(Options options) {
  if (options.trace) options.overrides.emplace_back("worker.trace_steps=10");
  const TrainConfig config = loadTrainConfig(options.config, options.overrides);
  if (config.worker().device() == WorkerConfig::CUDA) {
    throw Error("worker.device CUDA: this program was built without GPU kernels; use CPU");
  }
  if (options.run.empty()) options.run = fs::path("runs") / config.name();
  const std::vector<std::string> line = mpirunLine(options);
  std::string printed;
  for (const std::string& word : line)
    printed += (printed.empty() ? "" : " ") + quoted(word);
  std::printf("%s\n", printed.c_str());
  std::fflush(stdout);

  const int code = runProgram(line);
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
