// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "doctor/loss_check.h"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <numeric>

#include "base/error.h"
#include "data/loader.h"
#include "doctor/checkpoint_checks.h"
#include "doctor/config_checks.h"
#include "doctor/processor_checks.h"
#include "model/checkpoint.h"
#include "model/initialize.h"
#include "model/schedule.h"
#include "model/train_config.h"

namespace sphereface::doctor {
namespace {

constexpr uint32_t kImages = 32;
/// What may be left unexplained, besides four standard deviations.
constexpr double kTolerance = 0.3;

double tolerance(const ExpectedLoss& expected) {
  return kTolerance + 0.02 * expected.mean + 4 * expected.spread;
}

Batch firstBatch(const PlannedRun& run, const Dataset& dataset, uint64_t count) {
  LoaderOptions options = loaderOptions(run.config.data());
  options.cache_bytes = 0;
  Loader loader(dataset, options);
  loader.request(0, count);
  Batch batch;
  loader.next(batch);
  return batch;
}

HeadStep headStepOf(const PlannedRun& run, const std::optional<Weights>& weights) {
  const HeadConfig& head = run.config.head();
  if (!weights) return headStepAt(head, 0, 1, run.config.solver().batch_size());
  const CheckpointManifest& manifest = weights->manifest;
  const RunLength length = runLength(manifest.config().solver(), run.records);
  return headStepAt(head, manifest.step(), manifest.forward_passes() + 1,
                    length.images(manifest.step() + 1));
}

}  // namespace

Finding lossFinding(const FirstLoss& loss) {
  const std::string name = "first loss";
  const double chance = std::log(static_cast<double>(loss.classes));
  const std::string found =
      concat(std::fixed, std::setprecision(3), "of ", loss.images, " images ", loss.loss,
             " beside ln C = ", chance, "; ", loss.expected.mean,
             " expected of features that know nothing, ", loss.expected.margin,
             " of it by the margin; features of length ", loss.mean_length,
             loss.trained ? " (trained weights)" : " (initial weights)");
  if (!std::isfinite(loss.loss) || !std::isfinite(loss.mean_length)) {
    return failure(name, found,
                   loss.trained ? "an older checkpoint"
                                : "worker.precision: FP32, another network.seed, head.scale: 30");
  }
  if (loss.zero_features > 0) {
    return failure(name, concat(found, "; ", loss.zero_features, " features are 0"),
                   loss.trained ? "an older checkpoint" : "another network.seed");
  }
  const double above = loss.loss - loss.expected.mean;
  if (loss.trained && above > tolerance(loss.expected)) {
    return failure(name, concat(found, ": worse than chance"),
                   "the data the checkpoint was trained on: same labels, colour order and "
                   "alignment");
  }
  if (!loss.trained && std::abs(above) > tolerance(loss.expected)) {
    return warning(name, concat(found, ": unexplained"),
                   "worker.precision: FP32 and worker.convolution: DIRECT tell whether the "
                   "arithmetic is at fault; see also labels and head");
  }
  return good(name, found);
}

PlannedRun lossRun(const PlannedRun& run) {
  PlannedRun result = run;
  SolverConfig& solver = *result.config.mutable_solver();
  solver.set_batch_size(
      static_cast<uint32_t>(std::min<uint64_t>({kImages, solver.batch_size(), run.records})));
  solver.set_iter_size(1);
  result.workers = 1;
  return result;
}

std::string lossObstacle(const PlannedRun& loss_run, const DatasetManifest& data,
                         const std::optional<Weights>& weights, size_t available) {
  const TrainConfig& config = loss_run.config;
  if (deviceFinding(config.worker()).state == State::kFail) return "the device isn't there";
  if (shapeFinding(data, config).state == State::kFail) return "the data don't fit the network";
  if (data.classes() < 2) return "one class only";
  if (weights &&
      checkpointNetworkFinding(weights->manifest, config.network()).state == State::kFail) {
    return "the checkpoint is of another network";
  }
  const size_t needed = forecastRun(loss_run).memory.engine.total();
  if (needed <= available / 2) return "";
  return concat("a batch of ", config.solver().batch_size(), " needs ", bytesText(needed), ", of ",
                bytesText(available), " available");
}

FirstLoss measureLoss(const PlannedRun& loss_run, const Dataset& dataset,
                      const std::optional<Weights>& weights) {
  const EngineOptions options = engineOptions(loss_run);
  const auto count = static_cast<size_t>(options.batch);
  const auto embedding = static_cast<size_t>(options.network.embedding);
  const Batch batch = firstBatch(loss_run, dataset, count);
  const std::unique_ptr<Engine> engine = makeEngine(deviceOf(loss_run.config.worker()), options);
  if (weights) {
    loadCheckpoint(weights->folder, weights->manifest, options.network, *engine);
  } else {
    const uint64_t seed = loss_run.config.network().seed();
    initializeWeights(options.network, 0, seed, *engine);
  }
  std::vector<float> features(count * embedding);
  engine->embed(batch.images, features);
  std::vector<double> lengths;
  for (size_t i = 0; i < count; ++i) {
    const auto row = features.begin() + static_cast<ptrdiff_t>(i * embedding);
    lengths.push_back(
        std::sqrt(std::inner_product(row, row + static_cast<ptrdiff_t>(embedding), row, 0.0)));
  }
  const HeadStep step = headStepOf(loss_run, weights);
  const HeadStats stats =
      engine
          ->forwardBackward(batch.images, batch.labels, step, 1 / static_cast<float>(count), false)
          .head;
  FirstLoss loss;
  loss.images = count;
  loss.classes = static_cast<size_t>(options.classes);
  loss.loss = (stats.loss_sum - stats.mhe_sum) / static_cast<double>(count);
  loss.mean_length =
      std::accumulate(lengths.begin(), lengths.end(), 0.0) / static_cast<double>(count);
  loss.zero_features = stats.zero_norm;
  loss.expected =
      expectedLoss(options.head, step, loss.classes, options.network.embedding, lengths);
  loss.trained = weights && weights->manifest.step() > 0;
  return loss;
}

}  // namespace sphereface::doctor
