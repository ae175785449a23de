// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "plan/forecast.h"

#include <algorithm>
#include <cmath>
#include <iomanip>

#include "base/error.h"
#include "base/progress.h"
#include "data/loader.h"
#include "kernels/shard_tree.h"
#include "model/train_config.h"
#include "run/worker_engine.h"

namespace sphereface {
namespace {

// With fewer classes for each image of a step, spreading them makes more travel than it spares, or
// not so much less that a wait for it pays.
constexpr uint64_t kClassesPerImage = 8;

/// Floats of the head's arena for each of its parameters: momenta, and gradients of those that are
/// trained at a time.
size_t headFloats(const EngineOptions& options) {
  return options.head.sample_rate < 1 ? 2 : 3;
}

size_t loaderBytes(const Network& network, size_t batch, bool on_gpu) {
  const size_t image = network.imageBytes() + sizeof(int32_t) + sizeof(uint64_t);
  // To a GPU the next batch is sent ahead, from a page-locked copy.
  const size_t ahead = on_gpu ? 2 : 0;
  return (LoaderOptions().prefetch + 1 + ahead) * batch * image;
}

uint64_t checkpointsKept(const CheckpointConfig& checkpoint, uint64_t steps) {
  const uint64_t every = checkpoint.every_steps();
  const uint64_t written = every == 0 ? 1 : (steps + every - 1) / every;
  const uint64_t kept =
      checkpoint.keep() == 0 ? written : std::min<uint64_t>(written, checkpoint.keep());
  const uint64_t best = checkpoint.keep_best() && kept < written ? 1 : 0;
  return kept + best + (checkpoint.initial() ? 1 : 0);
}

std::vector<ScheduleRow> scheduleOf(const TrainConfig& config, const RunLength& length) {
  std::vector<ScheduleRow> rows;
  for (const double share : {0.0, 0.25, 0.5, 0.75, 1.0}) {
    ScheduleRow row;
    row.share = share;
    row.step = static_cast<uint64_t>(share * static_cast<double>(length.steps - 1));
    row.images = length.images(row.step);
    row.epochs = length.epochs(row.step);
    row.learning_rate = learningRate(config.solver(), length, row.step);
    row.head = headStepAt(config.head(), row.step, (row.step + 1) * config.solver().iter_size(),
                          length.images(row.step + 1));
    rows.push_back(row);
  }
  return rows;
}

double percent(double part, double whole) {
  return 100 * part / whole;
}

void warnOfMemory(const PlannedRun& run, const Network& network, Forecast& forecast) {
  const WorkerMemory& memory = forecast.memory;
  const auto total = static_cast<double>(memory.on_gpu ? memory.ofDevice() : memory.ofHost());
  const EngineOptions options = engineOptions(run);
  const size_t head = sizeof(float) * headFloats(options) * static_cast<size_t>(options.classes) *
                      static_cast<size_t>(network.embedding);
  const double head_share = percent(static_cast<double>(head + memory.engine.head), total);
  const std::string narrower = concat("network.embedding: ", network.embedding / 2, " halves it");
  if (head_share > 50) {
    forecast.warnings.push_back(
        {concat("the head of ", options.classes, " classes takes ", std::lround(head_share),
                " % of a worker's memory: ", formatScaled(static_cast<double>(head), "B"),
                " of weights, gradients and momenta, ",
                formatScaled(static_cast<double>(memory.engine.head), "B"),
                " of logits and workspace"),
         memory.engine.head > head ? "head.streaming: true"
         : run.workers > 1 && !run.config.head().class_parallel()
             ? concat("head.class_parallel: true spreads the classes over the workers; ", narrower)
             : narrower});
  }
  const size_t fc = 3 * sizeof(float) * network.fc_inputs * static_cast<size_t>(network.embedding);
  const double fc_share = percent(static_cast<double>(fc), total);
  if (fc_share > 50) {
    forecast.warnings.push_back(
        {concat("the fc layer takes ", std::lround(fc_share),
                " % of a worker's memory: ", formatScaled(static_cast<double>(fc), "B"), " for ",
                network.fc_inputs, " x ", network.embedding, " weights"),
         narrower});
  }
  const double needed = static_cast<double>(memory.ofHost()) * run.workers;
  if (needed > static_cast<double>(run.host_memory)) {
    forecast.warnings.push_back(
        {concat(run.workers, run.workers == 1 ? " worker needs " : " workers need ",
                formatScaled(needed, "B"), ", this host has ",
                formatScaled(static_cast<double>(run.host_memory), "B"), " to spare"),
         "lower solver.batch_size and raise solver.iter_size, or use more hosts"});
  }
}

double bytesOf(uint64_t count) {
  return static_cast<double>(count);
}

/// Embeddings gathered and their gradients added, with MHE the labels' rows too, and three numbers
/// and a label of each image.
uint64_t exchangeBytes(const HeadConfig& head, const Network& network, uint64_t images) {
  const uint64_t vectors = head.mhe_weight() > 0 ? 4 : 2;
  return images * sizeof(float) * (vectors * static_cast<uint64_t>(network.embedding) + 4);
}

/// A_SOFTMAX whose lambda is still falling at the end.
PlanWarning lambdaWarning(const PlannedRun& run, const Forecast& forecast) {
  const HeadConfig::Lambda& lambda = run.config.head().lambda();
  PlanWarning warning = {concat("lambda ends at ", forecast.schedule.back().head.lambda,
                                " and never reaches head.lambda.minimum ", lambda.minimum(),
                                ": the margin stays weaker than the recipe's"),
                         "a longer run, or a larger head.lambda.gamma"};
  if (lambda.minimum() > 0 && lambda.gamma() > 0 && lambda.power() > 0) {
    // (1 + gamma n)^power = base / minimum
    const double rise = std::pow(lambda.base() / lambda.minimum(), 1 / lambda.power()) - 1;
    const auto start = static_cast<double>(lambda.start());
    const double per_step = lambda.images_per_iteration() == 0
                                ? run.config.solver().iter_size()
                                : static_cast<double>(forecast.length.images_per_step) /
                                      static_cast<double>(lambda.images_per_iteration());
    const double steps = std::ceil((rise / lambda.gamma() - start) / per_step);
    const auto needed = static_cast<uint64_t>(std::clamp(steps, 0.0, 1e18));
    const double halfway = start + 0.5 * per_step * static_cast<double>(forecast.length.steps);
    warning.text += concat(" (it would at step ", needed, ")");
    warning.fix =
        concat("solver.steps: ", needed, " or more, or head.lambda.gamma: ", std::setprecision(2),
               rise / halfway, " to be there after half of the run");
  }
  return warning;
}

void warnOfSchedule(const PlannedRun& run, Forecast& forecast) {
  const SolverConfig& solver = run.config.solver();
  const auto workers = static_cast<uint32_t>(run.workers);
  if (solver.batch_size() % workers != 0) {
    forecast.warnings.push_back(
        {concat("solver.batch_size ", solver.batch_size(), " isn't divisible by ", run.workers,
                " workers: those with ", forecast.worker_batch, " images keep the others waiting"),
         concat("solver.batch_size: ", forecast.worker_batch * workers)});
  }
  const HeadStep last = forecast.schedule.back().head;
  if (run.config.head().type() == HeadConfig::A_SOFTMAX && last.margin > 1 &&
      last.lambda > run.config.head().lambda().minimum()) {
    forecast.warnings.push_back(lambdaWarning(run, forecast));
  }
  const double warmup = warmupSteps(solver, forecast.length);
  const auto steps = static_cast<double>(forecast.length.steps);
  if (warmup > steps) {
    forecast.warnings.push_back(
        {concat("solver.warmup is longer than the run of ", forecast.length.steps,
                " steps: the learning rate never reaches ", solver.base_learning_rate()),
         concat("solver.warmup: ", std::setprecision(3), 0.1 * steps * solver.warmup() / warmup)});
  }
}

/// Whether the classes are better spread or replicated is a matter of what travels: the gradients
/// of all classes, hidden behind backward, or embeddings of all images and back, for which all
/// wait.
void warnOfTraffic(const PlannedRun& run, const Network& network, Forecast& forecast) {
  const bool spread = run.config.head().class_parallel();
  const uint64_t images = forecast.length.images_per_step;
  if (run.workers == 1 && spread) {
    forecast.warnings.push_back({"head.class_parallel spreads the classes over one worker",
                                 "head.class_parallel: false, which exchanges nothing"});
  } else if (spread && run.classes < kClassesPerImage * images) {
    forecast.warnings.push_back(
        {concat("spread classes exchange ", formatScaled(bytesOf(forecast.exchange_bytes), "B"),
                " a step, and all workers wait for it; the gradients of ", run.classes,
                " classes are ", formatScaled(bytesOf(forecast.head_parameters * 4), "B"),
                ", reduced while backward goes on"),
         "head.class_parallel: false"});
  } else if (run.workers > 1 && !spread && forecast.head_parameters > network.parameter_count &&
             run.classes >= kClassesPerImage * images) {
    forecast.warnings.push_back(
        {concat("the gradients of ", run.classes, " classes are ",
                formatScaled(bytesOf(forecast.head_parameters * 4), "B"),
                " a step, more than the network's; spread, they would not travel, but ",
                formatScaled(bytesOf(exchangeBytes(run.config.head(), network, images)), "B"),
                " of embeddings and back would"),
         "head.class_parallel: true"});
  }
}

}  // namespace

EngineOptions engineOptions(const PlannedRun& run) {
  WorkerPlace place;
  place.workers = run.workers;
  place.worker = run.workers - 1;  // the last share is as large as any
  place.workers_on_host = run.workers;
  place.host_threads = run.host_threads;
  EngineOptions options = engineOfWorker(run.config, static_cast<uint32_t>(run.classes), place);
  options.first_class = 0;  // it is tried alone
  return options;
}

Forecast forecastRun(const PlannedRun& run) {
  const EngineOptions options = engineOptions(run);
  const Network& network = options.network;
  Forecast forecast;
  forecast.length = runLength(run.config.solver(), run.records);
  forecast.worker_batch = static_cast<uint32_t>(options.batch);
  forecast.trunk_parameters = network.parameter_count;
  forecast.head_parameters = run.classes * static_cast<uint64_t>(network.embedding);
  const bool spread = run.config.head().class_parallel();
  const uint64_t trunk_bytes = sizeof(float) * forecast.trunk_parameters;
  const uint64_t head_bytes = sizeof(float) * forecast.head_parameters;
  const uint64_t own_head_bytes = sizeof(float) * static_cast<uint64_t>(options.classes) *
                                  static_cast<uint64_t>(network.embedding);
  const Device device = deviceOf(run.config.worker());
  forecast.memory.on_gpu = device == Device::kCuda;
  if (const uint64_t least = 3 * trunk_bytes;
      device == Device::kCpu && run.host_memory > 0 && least > run.host_memory) {
    throw Error(concat("weights, gradients and momenta of the network take ",
                       formatScaled(bytesOf(least), "B"), ", this host has ",
                       formatScaled(bytesOf(run.host_memory), "B"), " to spare"));
  }
  forecast.memory.engine = predictMemory(
      device, options, spread ? static_cast<int>(run.config.solver().batch_size()) : 0);
  const uint32_t shards = shardsOfWorker(run.config.solver(), run.workers);
  forecast.memory.shard_tree = ShardTree::levelsFor(shards) * (trunk_bytes + own_head_bytes);
  forecast.memory.loader = loaderBytes(network, forecast.worker_batch, forecast.memory.on_gpu);
  forecast.memory.checkpoint = 2 * (trunk_bytes + own_head_bytes);
  if (run.workers > 1) {
    forecast.allreduce_bytes = trunk_bytes + (spread ? 0 : head_bytes);
    forecast.exchange_bytes =
        spread ? exchangeBytes(run.config.head(), network, forecast.length.images_per_step) : 0;
  }
  forecast.flops_per_image = flopsPerImage(run.config, network, run.classes);
  forecast.checkpoint_bytes = 2 * (trunk_bytes + head_bytes);
  forecast.checkpoints = checkpointsKept(run.config.checkpoint(), forecast.length.steps);
  forecast.schedule = scheduleOf(run.config, forecast.length);
  warnOfMemory(run, network, forecast);
  warnOfSchedule(run, forecast);
  warnOfTraffic(run, network, forecast);
  return forecast;
}

}  // namespace sphereface
