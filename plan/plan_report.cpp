// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "plan/plan_report.h"

#include <cmath>
#include <iomanip>
#include <sstream>

#include "base/error.h"
#include "base/progress.h"
#include "model/train_config.h"
#include "report/numbers.h"
#include "report/text_table.h"

namespace sphereface {
namespace {

std::string bytesText(uint64_t bytes) {
  return formatScaled(static_cast<double>(bytes), "B");
}

std::string countText(double count) {
  return formatScaled(count);
}

/// Lines "name        value".
struct Lines {
  TextTable table{{-34, 0}};

  template <class... Parts>
  void add(const std::string& name, const Parts&... parts) {
    table.row({name, concat(parts...)});
  }
};

/// Five significant digits.
std::string shortText(double value) {
  std::ostringstream out;
  out << std::setprecision(5) << value;
  return out.str();
}

void addNeeds(const PlannedRun& run, const Forecast& f, Lines& lines) {
  const SolverConfig& solver = run.config.solver();
  const WorkerMemory& memory = f.memory;
  lines.add("parameters", countText(static_cast<double>(f.trunk_parameters + f.head_parameters)),
            ": network ", countText(static_cast<double>(f.trunk_parameters)), ", head ",
            countText(static_cast<double>(f.head_parameters)));
  lines.add("effective batch", f.length.images_per_step, " = batch_size ", solver.batch_size(),
            " x iter_size ", solver.iter_size(), "; ", f.worker_batch, " a worker and pass");
  lines.add("length", f.length.steps, " steps, ", f.length.images(f.length.steps), " images, ",
            fixed(f.length.epochs(f.length.steps), 2), " epochs");
  lines.add("loss of chance", "ln(", run.classes,
            ") = ", fixed(std::log(static_cast<double>(run.classes)), 4));
  lines.add("work", formatScaled(f.flops_per_image, "FLOP"), " an image, ",
            formatScaled(f.flopsPerStep(), "FLOP"), " a step");
  lines.add("allreduce", bytesText(f.allreduce_bytes), " a step from each worker");
  if (f.exchange_bytes > 0) {
    lines.add("head's exchange", bytesText(f.exchange_bytes), " a step, the classes being spread");
  }
  if (memory.on_gpu) {
    lines.add("memory of a worker's GPU", bytesText(memory.ofDevice()),
              " besides CUDA, and cuDNN's workspace");
  } else {
    lines.add("memory of a worker", bytesText(memory.ofHost()), " besides program and libraries");
  }
  lines.add("  parameters, gradients, momenta", bytesText(memory.engine.parameters));
  lines.add("  activations and workspace", bytesText(memory.engine.activations));
  lines.add("  head's logits and workspace", bytesText(memory.engine.head));
  if (memory.shard_tree > 0) {
    lines.add("  gradients of virtual shards", bytesText(memory.shard_tree));
  }
  if (memory.on_gpu) {
    lines.add("memory of a worker's host", bytesText(memory.ofHost()),
              " besides program and libraries");
  }
  lines.add("  loader's decoded batches", bytesText(memory.loader));
  lines.add("  a checkpoint's copy", bytesText(memory.checkpoint),
            run.config.head().class_parallel() ? "" : " (in one worker)");
  lines.add("checkpoints", f.checkpoints, " x ", bytesText(f.checkpoint_bytes), " = ",
            bytesText(f.checkpoints * f.checkpoint_bytes), " kept at the end");
}

std::string scheduleText(const Forecast& f) {
  TextTable table({6, 10, 13, 9, 15, 9, 11});
  table.row({"run", "step", "images", "epochs", "learning rate", "margin", "lambda"});
  for (const ScheduleRow& row : f.schedule) {
    table.row({percent(row.share, 0), std::to_string(row.step), std::to_string(row.images),
               fixed(row.epochs, 2), shortText(row.learning_rate), shortText(row.head.margin),
               fixed(row.head.lambda, 2)});
  }
  return table.text();
}

double imagesPerSecond(const PlannedRun& run, const Forecast& f, const Probe& probe) {
  return static_cast<double>(f.length.images_per_step) / stepSeconds(run, probe);
}

double secondsToFinish(const PlannedRun& run, const Forecast& f, const Probe& probe) {
  return stepSeconds(run, probe) * static_cast<double>(f.length.steps);
}

/// As a worker alone reaches it.
double mfu(const PlannedRun& run, const Forecast& f, const Probe& probe) {
  const SolverConfig& solver = run.config.solver();
  const double passes = solver.iter_size() * shardsOfWorker(solver, run.workers);
  const double seconds = passes * probe.pass_seconds + probe.update_seconds;
  return passes * f.worker_batch * f.flops_per_image / (seconds * probe.matrix_peak);
}

/// What the speed leaves out.
std::string assumptions(const PlannedRun& run, const Probe& probe) {
  std::string text = "loading takes no time";
  if (run.workers == 1) return text;
  text += ", nor does the allreduce; ";
  if (run.config.worker().device() == WorkerConfig::CUDA) {
    return text + concat("each of the ", run.workers, " workers has such a GPU");
  }
  text += concat("all ", run.workers, " workers are on this host");
  if (static_cast<size_t>(probe.threads) * static_cast<size_t>(run.workers) > run.host_threads) {
    return text + concat(" and share its ", run.host_threads, " threads");
  }
  return text + " and as fast as one alone";
}

void addProbe(const PlannedRun& run, const Forecast& f, const Probe& probe, Lines& lines) {
  const std::string steps =
      concat(probe.steps, probe.steps == 1 ? " step" : " steps", " of one worker on random images");
  if (f.memory.on_gpu) {
    lines.add("probe", steps, ", ", probe.device);
    lines.add("memory of its engine", "predicted ", bytesText(f.memory.engine.total()), ", held ",
              bytesText(probe.engine_bytes), " with cuDNN's workspace");
  } else {
    lines.add("probe", steps, ", ", probe.threads, probe.threads == 1 ? " thread" : " threads");
    lines.add("memory of its engine", "predicted ", bytesText(f.memory.engine.total()),
              ", measured ", bytesText(probe.measuredBytes()), " (peak ",
              bytesText(probe.resident_peak), " less ", bytesText(probe.resident_before),
              " of program and libraries)");
  }
  const double rate = imagesPerSecond(run, f, probe);
  lines.add("speed", shortText(std::round(10 * rate) / 10), " images/s, ",
            formatScaled(rate * f.flops_per_image, "FLOP/s"));
  lines.add("mfu", fixed(100 * mfu(run, f, probe), 1), " % of the ",
            formatScaled(probe.matrix_peak, "FLOP/s"), " that a matrix product reaches");
  lines.add("assumed", assumptions(run, probe));
  const double seconds = secondsToFinish(run, f, probe);
  lines.add("time to finish", fixed(seconds / 3600, 2), " h (", formatDuration(seconds), ")");
}

}  // namespace

std::string planText(const PlannedRun& run, const Forecast& forecast,
                     const std::optional<Probe>& probe) {
  const NetworkConfig& network = run.config.network();
  Lines needs;
  addNeeds(run, forecast, needs);
  std::string text =
      concat(run.config.name(), ": ", network.name(), ", ", network.height(), "x", network.width(),
             " images, embedding ", network.embedding(), ", ", run.classes, " classes, ",
             run.records, " images, ", run.workers, run.workers == 1 ? " worker" : " workers",
             "\n\n", needs.table.text(), "\n", scheduleText(forecast));
  if (probe) {
    Lines measured;
    addProbe(run, forecast, *probe, measured);
    text += "\n" + measured.table.text();
  }
  if (!forecast.warnings.empty()) text += "\n";
  for (const PlanWarning& warning : forecast.warnings)
    text += concat("warning: ", warning.text, "\n    fix: ", warning.fix, "\n");
  return text;
}

Json planJson(const PlannedRun& run, const Forecast& f, const std::optional<Probe>& probe) {
  Json json;
  json["name"] = run.config.name();
  json["network"] = run.config.network().name();
  json["classes"] = run.classes;
  json["records"] = run.records;
  json["workers"] = run.workers;
  json["parameters"] = {{"network", f.trunk_parameters}, {"head", f.head_parameters}};
  json["effective_batch"] = f.length.images_per_step;
  json["worker_batch"] = f.worker_batch;
  json["steps"] = f.length.steps;
  json["images"] = f.length.images(f.length.steps);
  json["epochs"] = f.length.epochs(f.length.steps);
  json["loss_at_chance"] = std::log(static_cast<double>(run.classes));
  json["flops_per_image"] = f.flops_per_image;
  json["flops_per_step"] = f.flopsPerStep();
  json["allreduce_bytes"] = f.allreduce_bytes;
  json["exchange_bytes"] = f.exchange_bytes;
  json["memory_bytes"] = {{"parameters", f.memory.engine.parameters},
                          {"activations", f.memory.engine.activations},
                          {"head", f.memory.engine.head},
                          {"shard_tree", f.memory.shard_tree},
                          {"loader", f.memory.loader},
                          {"checkpoint", f.memory.checkpoint},
                          {"host", f.memory.ofHost()},
                          {"gpu", f.memory.on_gpu ? f.memory.ofDevice() : 0}};
  json["checkpoint_bytes"] = f.checkpoint_bytes;
  json["checkpoints_kept"] = f.checkpoints;
  json["schedule"] = Json::array();
  for (const ScheduleRow& row : f.schedule) {
    json["schedule"].push_back({{"share", row.share},
                                {"step", row.step},
                                {"images", row.images},
                                {"epochs", row.epochs},
                                {"learning_rate", row.learning_rate},
                                {"margin", row.head.margin},
                                {"lambda", row.head.lambda}});
  }
  if (probe) {
    json["probe"] = {
        {"steps", probe->steps},
        {"threads", probe->threads},
        {"pass_seconds", probe->pass_seconds},
        {"update_seconds", probe->update_seconds},
        {"predicted_bytes", f.memory.engine.total()},
        {"measured_bytes", f.memory.on_gpu ? probe->engine_bytes : probe->measuredBytes()},
        {"peak_resident_bytes", probe->resident_peak},
        {"assumes", assumptions(run, *probe)}};
    json["probe"]["matrix_peak_flops"] = probe->matrix_peak;
    json["mfu"] = mfu(run, f, *probe);
    json["images_per_second"] = imagesPerSecond(run, f, *probe);
    json["hours"] = secondsToFinish(run, f, *probe) / 3600;
  }
  json["warnings"] = Json::array();
  for (const PlanWarning& warning : f.warnings)
    json["warnings"].push_back(concat(warning.text, "; fix: ", warning.fix));
  return json;
}

}  // namespace sphereface
