// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "doctor/config_checks.h"

#include <algorithm>
#include <cmath>
#include <iomanip>

#include "base/error.h"
#include "kernels/network.h"
#include "model/network_config.h"
#include "model/train_config.h"

namespace sphereface::doctor {
namespace {

/// The published rate and batch, and how far above their proportion a rate is odd.
constexpr double kPublishedRate = 0.1;
constexpr double kPublishedBatch = 512;
constexpr double kHighRate = 20;
constexpr uint64_t kFewImages = 100'000;

/// The loss of a face recognised perfectly: its own class at cosine 1, the others spread evenly
/// opposite. No training gets below it.
double smallestLoss(double scale, double margin, uint64_t classes) {
  const auto others = static_cast<double>(classes) - 1;
  return std::log1p(others * std::exp(-scale * (1 - margin + 1 / others)));
}

}  // namespace

Finding datasetFinding(const DatasetManifest& data) {
  const std::string found =
      concat(data.records(), " records of ", data.classes(), " classes, ", data.height(), "x",
             data.width(), " ", DatasetManifest::ColorOrder_Name(data.color_order()),
             ", aligned to \"", data.alignment_template(), "\"");
  if (data.has_alignment_template() && data.alignment_template() != "unknown") {
    return good("data set", found);
  }
  return warning("data set",
                 concat(found, ": whether other images fit a model of it can't be told"),
                 "sphereface align, then sphereface pack; or pack --alignment NAME");
}

Finding shapeFinding(const DatasetManifest& data, const TrainConfig& config) {
  const std::string name = "shape";
  try {
    checkDataset(data, config);
  } catch (const UsageError& e) {
    return failure(name, e.what(),
                   concat("network { height: ", data.height(), " width: ", data.width(),
                          " }, or align and pack to the network's size; pixels stored as B, G, R"));
  }
  const Network network = buildNetwork(config.network());
  if (data.normalization_mean() != network.mean || data.normalization_scale() != network.scale) {
    return failure(name,
                   concat("the data set asks for (byte - ", data.normalization_mean(), ") * ",
                          data.normalization_scale(), ", the network computes (byte - ",
                          network.mean, ") * ", network.scale),
                   "sphereface pack --input FACES --output LMDB --force");
  }
  return good(name, concat(network.name, " takes ", network.height, "x", network.width,
                           " BGR images, as the data set has them"));
}

Finding batchFinding(const PlannedRun& run, const RunLength& length) {
  const std::string name = "batch";
  const SolverConfig& solver = run.config.solver();
  const auto images = static_cast<double>(length.images_per_step);
  const double rate = solver.base_learning_rate() / kPublishedRate * kPublishedBatch / images;
  const std::string found =
      concat(length.images_per_step, " images a step, ", std::setprecision(3),
             static_cast<double>(run.records) / images, " steps an epoch, ",
             length.epochs(length.steps), " epochs; rate ", solver.base_learning_rate(), " is ",
             rate, " times the published 0.1 at 512 images");
  if (solver.batch_size() < static_cast<uint32_t>(run.workers)) {
    return failure(
        name,
        concat(found, "; ", run.workers, " workers can't share a batch of ", solver.batch_size()),
        concat("--workers ", solver.batch_size()));
  }
  if (solver.batch_size() > run.records) {
    return warning(name, concat(found, "; a batch holds images twice"),
                   concat("solver.batch_size: ", std::max<uint64_t>(1, run.records / 10)));
  }
  if (rate > kHighRate) {
    return warning(name, concat(found, ": training may diverge"),
                   concat("solver.base_learning_rate: ", std::setprecision(2),
                          4 * kPublishedRate * images / kPublishedBatch,
                          ", or a larger solver.batch_size or iter_size"));
  }
  return good(name, found);
}

Finding headFinding(const HeadConfig& head, uint64_t classes, const RunLength& length) {
  const std::string name = "head";
  const double margin = headMargin(head);
  const HeadOptions options = headOptions(head);
  std::string found = concat(HeadConfig::Type_Name(head.type()), ", margin ", margin);
  if (!normalizesEmbedding(options.type)) return good(name, found);
  found += concat(", scale ", head.scale());
  if (classes > 1) {
    const double lost = options.type == HeadOptions::Type::kCosFace ? margin : 0;
    const double smallest = smallestLoss(head.scale(), lost, classes);
    if (smallest > 1) {
      const double wanted = std::log(100 * static_cast<double>(classes)) / (1 - lost);
      return warning(name,
                     concat(found, ": too small for ", classes,
                            " classes, the loss of a perfect network would be ",
                            std::setprecision(3), smallest),
                     concat("head.scale: ", std::ceil(wanted), " or more"));
    }
  }
  const bool has_margin =
      options.type != HeadOptions::Type::kNormFace && head.margin_warmup_steps() == 0;
  if (has_margin && length.records < kFewImages) {
    return warning(name,
                   concat(found, "; trained from scratch on ", length.records,
                          " images it may never start to learn with the full margin at once"),
                   concat("head.margin_warmup_steps: ", std::max<uint64_t>(1, length.steps / 4)));
  }
  return good(name, found);
}

std::vector<Finding> planFindings(const Forecast& forecast) {
  std::vector<Finding> findings;
  for (const PlanWarning& one : forecast.warnings)
    findings.push_back(warning("plan", one.text, one.fix));
  if (!findings.empty()) return findings;
  const ScheduleRow& begin = forecast.schedule.front();
  const ScheduleRow& middle = forecast.schedule[forecast.schedule.size() / 2];
  const ScheduleRow& end = forecast.schedule.back();
  std::string found = concat(std::setprecision(3), forecast.length.steps, " steps; learning rate ",
                             begin.learning_rate, ", in the middle ", middle.learning_rate,
                             ", at the end ", end.learning_rate);
  if (begin.head.lambda > 0) {
    found += concat(std::setprecision(3), "; lambda ", begin.head.lambda, ", ", middle.head.lambda,
                    ", ", end.head.lambda);
  }
  findings.push_back(good("plan", found));
  return findings;
}

}  // namespace sphereface::doctor
