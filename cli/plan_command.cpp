// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <cstdio>
#include <memory>

#include "base/error.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "data/dataset.h"
#include "model/train_config.h"
#include "plan/cgroup.h"
#include "plan/forecast.h"
#include "plan/plan_report.h"
#include "plan/probe.h"

namespace sphereface {
namespace {

constexpr int kProbeSteps = 10;
constexpr double kProbeSeconds = 60;

struct Options {
  std::filesystem::path config;
  int workers = 1;
  std::vector<std::string> overrides;
  uint64_t records = 0;
  uint64_t classes = 0;
  bool no_probe = false;
  std::filesystem::path json;
};

PlannedRun plannedRun(const Options& options) {
  PlannedRun run;
  run.config = loadTrainConfig(options.config, options.overrides);
  run.workers = options.workers;
  run.records = options.records;
  run.classes = options.classes;
  run.host_threads = availableThreads();
  run.host_memory = availableMemory();
  checkWorkers(run.config, run.workers);
  if (run.records == 0) {
    const DatasetManifest data = Dataset(run.config.data().lmdb()).manifest();
    checkDataset(data, run.config);
    run.records = data.records();
    run.classes = data.classes();
  }
  checkClasses(run.config, run.workers, run.classes);
  return run;
}

void run(const Options& options) {
  const PlannedRun run = plannedRun(options);
  const Forecast forecast = forecastRun(run);
  std::optional<Probe> probe;
  std::string obstacle;
  if (forecast.memory.ofHost() >= run.host_memory) {
    obstacle = "a worker doesn't fit into this host's memory";
  } else if (!options.no_probe) {
    try {
      probe = probeRun(run, kProbeSteps, kProbeSeconds);
    } catch (const Error& e) {
      // A run on GPUs may be planned where there is none.
      if (!forecast.memory.on_gpu) throw;
      obstacle = e.what();
    }
  }
  std::fputs(planText(run, forecast, probe).c_str(), stdout);
  if (!options.no_probe && !probe) std::printf("no probe: %s\n", obstacle.c_str());
  if (!options.json.empty()) writeJsonFile(options.json, planJson(run, forecast, probe));
}

}  // namespace

void addPlanCommand(const Command& app) {
  auto options = std::make_shared<Options>();
  const Command verb =
      app.verb("plan", "Say what a training run will need and take, before it is started");
  verb.required("--config", &options->config, "Training configuration (configs/*.textproto)");
  verb.setting("--workers", {&options->workers, "[1, 65536]"}, "Training ranks, all on this host");
  addOverridesOption(verb, options->overrides);
  const Option records = verb.option("--records", {&options->records, "[1, 1099511627776]"},
                                     "Images, when there is no data set yet");
  const Option classes = verb.option("--classes", {&options->classes, "[1, 1073741824]"},
                                     "Identities, when there is no data set yet")
                             .needs(records);
  records.needs(classes);
  verb.flag("--no-probe", &options->no_probe, "Don't time 10 steps (or a minute) on random images");
  verb.option("--json", &options->json, "Also write the plan here");
  verb.footer(
      "Example: sphereface plan --config configs/sphereface20_casia.textproto --workers 8 \\\n"
      "             --records 455594 --classes 10572");
  verb.action([options] { run(*options); });
}

}  // namespace sphereface
