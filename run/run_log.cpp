// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "run/run_log.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iomanip>
#include <numeric>
#include <ranges>
#include <sstream>

#include "base/clock.h"
#include "base/error.h"
#include "base/progress.h"

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

/// A_SOFTMAX is annealed by lambda; the margin of other heads may rise.
std::string marginText(const StepSummary& step) {
  std::ostringstream text;
  text << std::setprecision(4);
  step.lambda > 0 ? text << "lambda " << step.lambda : text << "margin " << step.margin;
  return text.str();
}

void writeLine(std::ofstream& file, const Json& line) {
  file << jsonText(line) << std::endl;
  if (!file) throw Error("cannot write to the run folder: disk full?");
}

}  // namespace

RunLog::RunLog(const std::filesystem::path& folder, const RunShape& shape, LogOutput& output)
    : folder_(folder),
      shape_(shape),
      output_(output),
      chance_loss_(std::log(shape.classes)),
      metrics_(openForAppend(folder / "metrics.jsonl")),
      events_(openForAppend(folder / "events.jsonl")),
      stuck_since_(shape.first_step) {}

std::optional<IntervalSummary> RunLog::step(const StepSummary& step) {
  nameBadRecords(step);
  if (step.skipped) {
    ++skipped_steps_;
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
  ++roll_backs_;
  event("roll_back",
        concat("step ", done.step(), " diverged: went on with the weights of ", done.checkpoint()),
        {{"step", done.step()}, {"checkpoint", done.checkpoint()}});
}

/// Each once, however often its turn comes.
void RunLog::nameBadRecords(const StepSummary& step) {
  for (const StepReport::BadSample& bad : step.bad_samples) {
    ++bad_records_;
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
    loss_first_ = step.loss;
    output_.line("first", concat("step ", step.step, ": loss ", fixed(step.loss, 4),
                                 " beside ln C = ", fixed(chance_loss_, 4), " (", shape_.classes,
                                 " classes at chance)"));
    interval_start_ = Clock::now();  // the first step also pays for warming up
  }
  images_ += step.images;
  zero_norm_embeddings_ += step.zero_norm_embeddings;
  if (shape_.clip_gradients >= 0 && step.gradient_norm > shape_.clip_gradients) ++clipped_steps_;
  loss_last_ = step.loss;
  interval_.steps += 1;
  interval_.images += step.images;
  interval_.loss += step.loss;
  interval_.accuracy += step.accuracy;
  interval_.target_cosine += step.target_cosine;
  interval_.past_margin += step.past_margin_share;
  for (size_t part = 0; part < kStepParts; ++part)
    interval_.parts[part] += step.part_seconds[part];
  interval_.reduction += step.reduction_seconds;
  interval_.checkpoint += step.checkpoint_seconds;
  interval_.cache_hits += step.cache_hits;
  interval_.ranks.resize(step.ranks.size());
  for (size_t rank = 0; rank < step.ranks.size(); ++rank) {
    interval_.ranks[rank].images += step.ranks[rank].images;
    interval_.ranks[rank].work_seconds += step.ranks[rank].work_seconds;
    interval_.ranks[rank].memory_bytes =
        std::max(interval_.ranks[rank].memory_bytes, step.ranks[rank].memory_bytes);
  }
  weight_norm_ = step.weight_norm.value_or(weight_norm_);
  loader_seconds_ += step.seconds(StepPart::kLoader);
  step_seconds_ += step.seconds();
  communication_seconds_ += step.seconds(StepPart::kCommunication);
  checkpoint_seconds_ += step.checkpoint_seconds;
}

IntervalSummary RunLog::writeInterval(const StepSummary& last) {
  const auto now = Clock::now();
  const double elapsed = std::max(1e-9, seconds(now - interval_start_));
  const auto steps = static_cast<double>(interval_.steps);
  const double loss = interval_.loss / steps;
  const double accuracy = interval_.accuracy / steps;
  IntervalSummary summary;
  summary.images_per_second = static_cast<double>(interval_.images) / elapsed;
  for (const RankStep& rank : interval_.ranks) {
    summary.ranks.push_back(
        {static_cast<double>(rank.images) / elapsed, rank.work_seconds / steps, rank.memory_bytes});
  }
  const uint64_t done = last.step + 1;
  const double epoch = static_cast<double>(done) * static_cast<double>(last.images) /
                       static_cast<double>(shape_.records);
  const double per_step = seconds(now - start_) / static_cast<double>(done - shape_.first_step);
  summary.seconds_left = per_step * static_cast<double>(shape_.steps - done);
  const double parts = std::accumulate(interval_.parts.begin(), interval_.parts.end(), 0.0);
  const auto part = [&](StepPart of) { return interval_.parts[static_cast<size_t>(of)]; };
  loss_last_ = loss;

  const std::string text = concat(
      done, "/", shape_.steps, "  epoch ", fixed(epoch, 2), "  loss ", fixed(loss, 4), " (ln C ",
      fixed(chance_loss_, 2), ")  accuracy ", fixed(100 * accuracy, 1), " %  ", marginText(last),
      "  lr ", fixed(last.learning_rate, 5), "  ", fixed(summary.images_per_second, 0),
      " images/s  data wait ", fixed(100 * share(part(StepPart::kLoader), parts), 1), " %  eta ",
      formatDuration(summary.seconds_left));
  pace_ = concat(std::lround(summary.images_per_second), " images/s  eta ",
                 formatDuration(summary.seconds_left));

  Json line;
  line["step"] = done;
  line["epoch"] = epoch;
  line["time"] = unixTime();
  line["loss"] = loss;
  line["loss_at_chance"] = chance_loss_;
  line["accuracy"] = accuracy;
  line["target_cosine"] = interval_.target_cosine / steps;
  line["past_margin_share"] = interval_.past_margin / steps;
  line["lambda"] = last.lambda;
  line["margin"] = last.margin;
  line["learning_rate"] = last.learning_rate;
  line["gradient_norm"] = last.gradient_norm;
  line["weight_norm"] = weight_norm_;
  line["clipped_steps"] = clipped_steps_;
  line["skipped_steps"] = skipped_steps_;
  line["roll_backs"] = roll_backs_;
  line["images_per_second"] = summary.images_per_second;
  line["eta_seconds"] = summary.seconds_left;
  line["step_seconds"] = elapsed / steps;
  for (size_t i = 0; i < kStepParts; ++i)
    line[concat(kStepPartNames[i], "_seconds")] = interval_.parts[i] / steps;
  line["reduction_seconds"] = interval_.reduction / steps;
  line["checkpoint_seconds"] = interval_.checkpoint;
  line["communication_share"] = share(part(StepPart::kCommunication), parts);
  line["loader_share"] = share(part(StepPart::kLoader), parts);
  line["cache_hit_share"] =
      static_cast<double>(interval_.cache_hits) / static_cast<double>(interval_.images);
  line["cache_bytes"] = last.cache_bytes;
  line["bad_records"] = bad_records_;
  line["zero_norm_embeddings"] = zero_norm_embeddings_;
  for (const RankInterval& rank : summary.ranks | std::views::take(kMostRanksShown)) {
    line["rank_work_seconds"].push_back(rank.work_seconds);
    line["rank_memory_bytes"].push_back(rank.memory_bytes);
  }
  output_.line("step", text, line);
  writeLine(metrics_, line);
  watchForStuckLoss(done, loss);
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
  Json line;
  line["time"] = unixTime();
  line["event"] = kind;
  line["text"] = text;
  line.update(details);
  writeLine(events_, line);
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
  summary["loader_share"] = share(loader_seconds_, step_seconds_);
  summary["communication_share"] = share(communication_seconds_, step_seconds_);
  summary["checkpoint_seconds"] = checkpoint_seconds_;
  summary["skipped_steps"] = skipped_steps_;
  summary["roll_backs"] = roll_backs_;
  summary["bad_records"] = bad_records_;
  summary["checkpoints"] = checkpoints;
  writeJsonFile(folder_ / "summary.json", summary);
}

}  // namespace sphereface
