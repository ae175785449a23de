// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "plan/probe.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
#include "base/statistics.h"
#include "base/this_process.h"
#include "model/initialize.h"
#include "model/train_config.h"
#include "plan/lone_exchange.h"

namespace sphereface {
Probe probeRun(const PlannedRun& run, int steps, double seconds) {
  EngineOptions options = engineOptions(run);
  LoneExchange exchange(static_cast<int>(run.config.solver().batch_size()));
  const bool on_gpu = run.config.worker().device() == WorkerConfig::CUDA;
  if (run.config.head().class_parallel()) {
    if (on_gpu) throw Error("classes spread over GPUs can't be tried on one");
    options.exchange = &exchange;
  }
  Probe probe;
  probe.threads = options.threads;
  probe.resident_before = processMemory().resident;
  const std::unique_ptr<Engine> engine = makeEngine(deviceOf(run.config.worker()), options);
  probe.engine_bytes = engine->memory().total();
  if (on_gpu) probe.device = engine->notes().front();
  initializeWeights(options.network, 0, run.config.network().seed(), *engine);
  const auto rows = static_cast<size_t>(options.batch);
  Random random(1);
  std::vector<uint8_t> images(rows * options.network.imageBytes());
  for (uint8_t& byte : images)
    byte = static_cast<uint8_t>(random.below(256));
  std::vector<int32_t> labels(rows);
  for (int32_t& label : labels)
    label = static_cast<int32_t>(random.below(static_cast<uint64_t>(options.classes)));

  const HeadStep head = headStepAt(run.config.head(), 0, 1, 0);
  const double end = secondsNow() + seconds;
  std::vector<double> pass;
  std::vector<double> update;
  for (int step = -1; step < steps && (step < 1 || secondsNow() < end); ++step) {
    const double start = secondsNow();
    engine->forwardBackward(images, labels, head, 1 / static_cast<float>(rows), false);
    const double computed = secondsNow();
    // A small rate: random images shall not make the weights diverge.
    engine->update({1e-4, 0.9, 5e-4, run.config.solver().clip_gradients()});
    if (step < 0) continue;
    pass.push_back(computed - start);
    update.push_back(secondsNow() - computed);
  }
  probe.steps = static_cast<int>(pass.size());
  probe.pass_seconds = median(pass);
  probe.update_seconds = median(update);
  probe.resident_peak = processMemory().peak;
  probe.matrix_peak = engine->matrixPeak();
  return probe;
}

double stepSeconds(const PlannedRun& run, const Probe& probe) {
  const double wanted = static_cast<double>(probe.threads) * run.workers;
  const bool on_gpu = run.config.worker().device() == WorkerConfig::CUDA;
  const double share = on_gpu ? 1 : std::max(1.0, wanted / static_cast<double>(run.host_threads));
  const SolverConfig& solver = run.config.solver();
  const uint32_t passes = solver.iter_size() * shardsOfWorker(solver, run.workers);
  return share * (passes * probe.pass_seconds + probe.update_seconds);
}

}  // namespace sphereface
