// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "run/run_log.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iomanip>
#include <span>
#include <sstream>

#include "base/clock.h"
#include "base/error.h"
#include "base/progress.h"
#include "run/run_folder.h"

namespace sphereface {
namespace {

constexpr size_t kBadRecordsNamed = 100;
// The loss counts as stuck when it stays this near to ln C for this many steps.
constexpr double kStuckShare = 0.02;
constexpr uint64_t kStuckSteps = 200;

double seconds(std::chrono::steady_clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

std::ofstream openForAppend(const std::filesystem::path& path) {
  std::ofstream file(path, std::ios::app);
  if (!file) throw Error(concat("cannot write ", path.string()));
  return file;
}

double share(double part, double whole) {
  return whole > 0 ? part / whole : 0;
}

/// As metrics.jsonl has it.
Json jsonOf(const StepFigure& figure, double value) {
  if (figure.unit == Unit::kBytes || figure.unit == Unit::kCount) {
    return static_cast<uint64_t>(value);
  }
  return value;
}

/// A_SOFTMAX is annealed by lambda; the margin of other heads may rise.
std::string marginText(const FigureValues& figures) {
  std::ostringstream text;
  text << std::setprecision(4);
  figures["lambda"] > 0 ? text << "lambda " << figures["lambda"]
                        : text << "margin " << figures["margin"];
  return text.str();
}

void writeLine(std::ofstream& file, const Json& line) {
  file << jsonText(line) << std::endl;
  if (!file) throw Error("cannot write to the run folder: disk full?");
}

}  // namespace

RunLog::RunLog(const std::filesystem::path& folder, const RunShape& shape, LogOutput& output)
    : folder_{folder},
      shape_(shape),
      output_(output),
      chance_loss_(std::log(shape.classes)),
      metrics_(openForAppend(folder_.metrics())),
      events_(openForAppend(folder_.events())),
      stuck_since_(shape.first_step) {}

std::optional<IntervalSummary> RunLog::step(const StepSummary& step) {
  nameBadRecords(step);
  for (size_t row = 0; row < kStepFigures.size(); ++row) {
    if (kStepFigures[row].over_steps == OverSteps::kTotal) {
      totals_.values[row] += step.figures.values[row];
    }
  }
  if (step.skipped) {
    event("skipped", concat("step ", step.step, " diverged; it updated nothing"),
          {{"step", step.step}});
  } else {
    add(step);
  }
  output_.progress(step.step + 1, shape_.steps, pace_);
  const bool due = (step.step + 1) % shape_.log_every_steps == 0 || step.step + 1 == shape_.steps;
  if (!due || interval_.steps == 0) return std::nullopt;
  return writeInterval(step);
}

void RunLog::rollBack(const RollBack& done) {
  totals_["roll_backs"] += 1;
  event("roll_back",
        concat("step ", done.step(), " diverged: went on with the weights of ", done.checkpoint()),
        {{"step", done.step()}, {"checkpoint", done.checkpoint()}});
}

/// Each once, however often its turn comes.
void RunLog::nameBadRecords(const StepSummary& step) {
  for (const StepReport::BadSample& bad : step.bad_samples) {
    if (bad_records_named_.size() == kBadRecordsNamed) continue;
    if (!bad_records_named_.insert(bad.record()).second) continue;
    const bool last = bad_records_named_.size() == kBadRecordsNamed;
    event("bad_record",
          concat(bad.problem(), "; another record takes its place",
                 last ? " (further ones are counted, and not named)" : ""),
          {{"step", step.step},
           {"record", bad.record()},
           {"reason", kBadSampleReasons.at(static_cast<size_t>(bad.reason()))}});
  }
}

/// A step that was not skipped.
void RunLog::add(const StepSummary& step) {
  if (!begun_) {
    begun_ = true;
    loss_first_ = step.figures["loss"];
    output_.line("first", concat("step ", step.step, ": loss ", fixed(loss_first_, 4),
                                 " beside ln C = ", fixed(chance_loss_, 4), " (", shape_.classes,
                                 " classes at chance)"));
    interval_start_ = Clock::now();  // the first step also pays for warming up
  }
  images_ += step.images;
  if (shape_.clip_gradients >= 0 && step.figures["gradient_norm"] > shape_.clip_gradients) {
    totals_["clipped_steps"] += 1;
  }
  loss_last_ = step.figures["loss"];
  interval_.steps += 1;
  interval_.images += step.images;
  for (size_t row = 0; row < kStepFigures.size(); ++row) {
    const double value = step.figures.values[row];
    if (std::isnan(value)) continue;
    newest_.values[row] = value;
    interval_.sums.values[row] += value;
    if (kStepFigures[row].over_steps != OverSteps::kTotal) totals_.values[row] += value;
  }
  interval_.ranks.resize(step.ranks.size());
  for (size_t rank = 0; rank < step.ranks.size(); ++rank) {
    interval_.ranks[rank].images += step.ranks[rank].images;
    interval_.ranks[rank].work_seconds += step.ranks[rank].work_seconds;
    interval_.ranks[rank].memory_bytes =
        std::max(interval_.ranks[rank].memory_bytes, step.ranks[rank].memory_bytes);
  }
}

IntervalSummary RunLog::summarize(const StepSummary& last, Clock::time_point now) const {
  const double elapsed = std::max(1e-9, seconds(now - interval_start_));
  const auto steps = static_cast<double>(interval_.steps);
  const auto images = static_cast<double>(interval_.images);
  const uint64_t done = last.step + 1;
  IntervalSummary summary;
  for (size_t row = 0; row < kStepFigures.size(); ++row) {
    double& value = summary.figures.values[row];
    switch (kStepFigures[row].over_steps) {
      case OverSteps::kMean:
        value = interval_.sums.values[row] / steps;
        break;
      case OverSteps::kSum:
        value = interval_.sums.values[row];
        break;
      case OverSteps::kPerImage:
        value = interval_.sums.values[row] / images;
        break;
      case OverSteps::kLast:
        value = newest_.values[row];
        break;
      case OverSteps::kTotal:
        value = totals_.values[row];
        break;
      case OverSteps::kGiven:
        break;
    }
  }
  const double parts = partsOf(interval_.sums);
  const double per_step = seconds(now - start_) / static_cast<double>(done - shape_.first_step);
  summary.figures["images_per_second"] = images / elapsed;
  summary.figures["eta_seconds"] = per_step * static_cast<double>(shape_.steps - done);
  summary.figures["step_seconds"] = elapsed / steps;
  summary.figures["communication_share"] = share(interval_.sums["communication_seconds"], parts);
  summary.figures["loader_share"] = share(interval_.sums["loader_seconds"], parts);
  for (const RankStep& rank : interval_.ranks) {
    summary.ranks.push_back(
        {static_cast<double>(rank.images) / elapsed, rank.work_seconds / steps, rank.memory_bytes});
  }
  return summary;
}

IntervalSummary RunLog::writeInterval(const StepSummary& last) {
  const auto now = Clock::now();
  IntervalSummary summary = summarize(last, now);
  const FigureValues& figures = summary.figures;
  const uint64_t done = last.step + 1;
  const double epoch = static_cast<double>(done) * static_cast<double>(last.images) /
                       static_cast<double>(shape_.records);
  std::string text = concat(done, "/", shape_.steps, "  epoch ", fixed(epoch, 2));
  Json line;
  line["step"] = done;
  line["epoch"] = epoch;
  line["time"] = unixTime();
  for (size_t row = 0; row < kStepFigures.size(); ++row) {
    const StepFigure& figure = kStepFigures[row];
    const double value = figures.values[row];
    line[std::string(figure.name)] = jsonOf(figure, value);
    if (!figure.log.empty()) text += "  " + logText(figure, value);
    // Beside it what it means: chance, and how far the head is from its margin.
    if (row == FigureName("loss").row) {
      line["loss_at_chance"] = chance_loss_;
      text += concat(" (ln C ", fixed(chance_loss_, 2), ")");
    }
    if (row == FigureName("margin").row) text += "  " + marginText(figures);
  }
  const size_t shown = std::min<size_t>(summary.ranks.size(), kMostRanksShown);
  for (const RankInterval& rank : std::span(summary.ranks).first(shown)) {
    line["rank_work_seconds"].push_back(rank.work_seconds);
    line["rank_memory_bytes"].push_back(rank.memory_bytes);
  }
  const std::string eta = concat("  eta ", formatDuration(figures["eta_seconds"]));
  pace_ = concat(std::lround(figures["images_per_second"]), " images/s", eta);
  output_.line("step", text + eta, line);
  writeLine(metrics_, line);
  has_metrics_ = true;
  loss_last_ = figures["loss"];
  watchForStuckLoss(done, loss_last_);
  interval_ = {};
  interval_start_ = now;
  return summary;
}

void RunLog::watchForStuckLoss(uint64_t step, double loss) {
  if (std::abs(loss - chance_loss_) > kStuckShare * chance_loss_) {
    stuck_since_ = step;
    return;
  }
  if (stuck_named_ || step - stuck_since_ < kStuckSteps) return;
  stuck_named_ = true;
  event("stuck",
        concat("the loss has stayed at ln C = ", chance_loss_, " for ", step - stuck_since_,
               " steps: the network isn't learning. Look at labels "
               "and shuffling (sphereface inspect), raise solver.base_learning_rate or "
               "head.lambda.base, or lower head.lambda.gamma"));
}

void RunLog::event(const std::string& kind, const std::string& text, const Json& details) {
  output_.line(kind, text, details);
  record(kind, text, details);
}

void RunLog::record(const std::string& kind, const std::string& text, const Json& details) {
  writeLine(events_, eventLine(kind, text, details));
}

void RunLog::finish(int checkpoints) {
  const double elapsed = seconds(Clock::now() - start_);
  Json summary;
  summary["images_per_second"] = elapsed > 0 ? static_cast<double>(images_) / elapsed : 0.0;
  summary["steps"] = shape_.steps;
  summary["first_step"] = shape_.first_step;
  summary["images"] = images_;
  summary["seconds"] = elapsed;
  summary["loss_first"] = loss_first_;
  summary["loss_last"] = loss_last_;
  summary["loss_at_chance"] = chance_loss_;
  summary["world_size"] = shape_.world_size;
  const double parts = partsOf(totals_);
  summary["loader_share"] = share(totals_["loader_seconds"], parts);
  summary["communication_share"] = share(totals_["communication_seconds"], parts);
  summary["checkpoint_seconds"] = totals_["checkpoint_seconds"];
  for (size_t row = 0; row < kStepFigures.size(); ++row) {
    const StepFigure& figure = kStepFigures[row];
    if (figure.over_steps == OverSteps::kTotal) {
      summary[std::string(figure.name)] = jsonOf(figure, totals_.values[row]);
    }
  }
  summary["checkpoints"] = checkpoints;
  writeJsonFile(folder_.summary(), summary);
}

}  // namespace sphereface
