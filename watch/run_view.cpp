// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "watch/run_view.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <string_view>
#include <utility>

#include "base/atomic_file.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/statistics.h"
#include "model/train_config.h"
#include "run/run_folder.h"
#include "run/step_collector.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostPoints = 1000;
// Of the workers' table: rows, and numbers in all.
constexpr size_t kMostRankRows = 200;
// A line alone may be an accident.
constexpr size_t kRecentLines = 5;
constexpr size_t kMostEvents = 300;
constexpr size_t kMostScores = 500;
constexpr size_t kMostBenchmarks = 32;
constexpr size_t kMostRocPoints = 400;

/// Rows of kStepFigures that have a curve; in the curves' table their columns follow the step's.
std::vector<size_t> curveRows() {
  std::vector<size_t> rows;
  for (size_t row = 0; row < kStepFigures.size(); ++row) {
    if (!kStepFigures[row].chart.empty()) rows.push_back(row);
  }
  return rows;
}

const std::vector<size_t> kCurveRows = curveRows();

/// What a page has to know of the figures that it shows.
Json figuresJson() {
  Json figures = Json::array();
  for (const StepFigure& figure : kStepFigures) {
    if (figure.chart.empty() && figure.tile.empty()) continue;
    figures.push_back({{"name", figure.name},
                       {"share", figure.unit == Unit::kShare},
                       {"tile", figure.tile},
                       {"chart", figure.chart},
                       {"label", figure.label},
                       {"right_axis", figure.right_axis},
                       {"compared", figure.compared}});
  }
  return figures;
}

bool isShortCurve(const Json& points) {
  return points.is_array() && points.size() <= kMostRocPoints &&
         std::all_of(points.begin(), points.end(), [](const Json& point) {
           return point.is_array() && point.size() == 2 && point[0].is_number() &&
                  point[1].is_number();
         });
}

/// With five significant digits, which is more than a curve shows; null for no number.
Json shortened(double value) {
  if (!std::isfinite(value)) return nullptr;
  if (value == std::floor(value) && std::abs(value) < 1e15) return static_cast<int64_t>(value);
  std::array<char, 32> text{};
  const char* const end =
      std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::general, 5)
          .ptr;
  double rounded = 0;
  std::from_chars(text.data(), end, rounded);
  return rounded;
}

const char* nameOf(RunState state) {
  switch (state) {
    case RunState::kTraining:
      return "training";
    case RunState::kEnded:
      return "ended";
    case RunState::kStopped:
      return "stopped";
    case RunState::kFailed:
      return "failed";
    case RunState::kGone:
      return "gone";
  }
  return "?";
}

Json jsonOf(const LiveStatus& live, double now) {
  Json ranks = Json::array();
  for (const LastHeard& worker : live.workers) {
    if (worker.rank > kMostRanksShown) break;
    ranks.push_back({{"rank", worker.rank},
                     {"host", worker.host},
                     {"seconds_ago", shortened(silence(live, worker, now))},
                     {"silent", isSilent(live, worker, now)},
                     {"doing", worker.doing}});
  }
  return {{"leased_until", live.leased_until},
          {"seconds_since_step", shortened(now - live.last_step)},
          {"seconds_since_checkpoint", shortened(now - live.last_checkpoint)},
          {"workers", ranks}};
}

/// 0 of none.
double medianOfFinite(std::vector<double> values) {
  std::erase_if(values, [](double value) { return !std::isfinite(value); });
  return median(std::move(values));
}

size_t rateColumn() {
  const auto row = std::ranges::find(kCurveRows, FigureName("images_per_second").row);
  return static_cast<size_t>(row - kCurveRows.begin()) + 1;
}

template <class Kept>
void keep(std::deque<Kept>& queue, const Kept& value, size_t most) {
  if (queue.size() == most) queue.pop_front();
  queue.push_back(value);
}

}  // namespace

RunView::RunView(fs::path run, std::function<std::optional<LiveStatus>()> live)
    : run_(std::move(run)),
      live_(std::move(live)),
      metrics_file_(RunFolder{run_}.metrics()),
      events_file_(RunFolder{run_}.events()),
      evaluations_file_(RunFolder{run_}.evaluations()),
      curves_(kMostPoints),
      ranks_(kMostRankRows) {}

void RunView::refresh() {
  metrics_file_.read([&](Json line) { takeMetrics(std::move(line)); },
                     [&] {
                       curves_.clear();
                       ranks_.clear();
                       recent_rates_.clear();
                       last_ = nullptr;
                     });
  events_file_.read([&](Json event) { takeEvent(std::move(event)); },
                    [&] {
                      events_.clear();
                      job_.clear();
                    });
  evaluations_file_.read([&](const Json& score) { takeScore(score); },
                         [&] {
                           scores_.clear();
                           newest_scores_.clear();
                         });
}

void RunView::takeEvent(Json event) {
  if (!event.value("event", Json()).is_string() || !event.value("text", Json("")).is_string())
    return;
  keep(events_, event, kMostEvents);
  if (event.at("event") == "start") job_.clear();
  if (job_.size() > kMostEvents) job_.erase(job_.begin() + 1);
  job_.push_back(std::move(event));
}

void RunView::takeMetrics(Json line) {
  if (std::isnan(numberOf(line, "step"))) return;
  ++lines_;
  ThinnedTable::Row row = {numberOf(line, "step")};
  for (const size_t figure : kCurveRows)
    row.push_back(numberOf(line, kStepFigures[figure].name));
  curves_.add(row);
  keep(recent_rates_, row[rateColumn()], kRecentLines);
  Json work = line.value("rank_work_seconds", Json());
  if (!work.is_array()) work = Json::array();
  ThinnedTable::Row of_ranks = {row.front()};
  for (const Json& seconds : work) {
    if (of_ranks.size() > kMostRanksShown) break;
    of_ranks.push_back(seconds.is_number() ? seconds.get<double>() : 0);
  }
  ranks_.add(of_ranks);
  last_ = std::move(line);
}

void RunView::takeScore(const Json& line) {
  if (!line.value("benchmark", Json()).is_string()) return;
  const Json protocol = line.value("protocol", Json(""));
  if (!protocol.is_string()) return;
  const std::pair key(line.at("benchmark").get<std::string>(), protocol.get<std::string>());
  if (newest_scores_.size() == kMostBenchmarks && !newest_scores_.contains(key)) return;
  Json newest = line;
  if (newest.contains("roc") && !isShortCurve(newest["roc"])) newest.erase("roc");
  newest_scores_[key] = newest;
  newest.erase("roc");
  keep(scores_, newest, kMostScores);
}

RunState RunView::stateOf(const std::optional<LiveStatus>& live) const {
  const auto happened = [&](const char* kind) {
    return std::any_of(job_.begin(), job_.end(),
                       [&](const Json& event) { return event.at("event") == kind; });
  };
  if (happened("end")) return RunState::kEnded;
  if (happened("stopped")) return RunState::kStopped;
  if (live || isLocked(run_)) return RunState::kTraining;
  return happened("lost") || happened("failed") ? RunState::kFailed : RunState::kGone;
}

Json RunView::state() {
  const std::optional<LiveStatus> live = live_ ? live_() : std::nullopt;
  const std::lock_guard lock(mutex_);
  refresh();
  RunFacts facts;
  facts.state = stateOf(live);
  facts.now = unixTime();
  facts.events = job_;
  facts.last = last_;
  std::vector<double> rates;
  for (const ThinnedTable::Row& row : curves_.rows())
    rates.push_back(row[rateColumn()]);
  facts.usual_rate = medianOfFinite(std::move(rates));
  facts.recent_rate = medianOfFinite({recent_rates_.begin(), recent_rates_.end()});
  facts.live = live;
  Json state;
  state["run"] = fs::absolute(run_).lexically_normal().string();
  state["state"] = nameOf(facts.state);
  state["now"] = facts.now;
  state["version"] = SPHEREFACE_VERSION;
  state["start"] = job_.empty() ? Json() : job_.front();
  state["last"] = last_;
  if (exists(RunFolder{run_}.config())) {
    state["config"] = readFile(RunFolder{run_}.config());
    const TrainConfig config = loadTrainConfig(RunFolder{run_}.config(), {});
    state["name"] = config.name();
    facts.checkpoint_every = config.checkpoint().every_steps();
  }
  state["live"] = live ? jsonOf(*live, facts.now) : Json();
  state["problems"] = Json::array();
  for (const Problem& problem : problemsOf(facts)) {
    state["problems"].push_back(
        {{"critical", problem.critical}, {"title", problem.title}, {"text", problem.text}});
  }
  state["events"] = events_;
  state["history_version"] = lines_;
  state["evaluations_version"] = scores_.empty() ? Json() : scores_.back();
  return state;
}

Json RunView::history() {
  const std::lock_guard lock(mutex_);
  refresh();
  Json history;
  history["version"] = lines_;
  history["figures"] = figuresJson();
  for (size_t column = 0; column <= kCurveRows.size(); ++column) {
    Json values = Json::array();
    for (const ThinnedTable::Row& row : curves_.rows())
      values.push_back(shortened(row[column]));
    const std::string_view name = column == 0 ? "step" : kStepFigures[kCurveRows[column - 1]].name;
    history["curves"][std::string(name)] = std::move(values);
  }
  Json steps = Json::array();
  Json work = Json::array();
  for (const ThinnedTable::Row& row : ranks_.rows()) {
    steps.push_back(shortened(row.front()));
    Json of_step = Json::array();
    for (size_t rank = 1; rank < row.size(); ++rank)
      of_step.push_back(shortened(row[rank]));
    work.push_back(std::move(of_step));
  }
  history["ranks"] = {{"step", std::move(steps)}, {"work_seconds", std::move(work)}};
  return history;
}

Json RunView::evaluations() {
  Json evaluations = {{"newest", newestScores()}};
  const std::lock_guard lock(mutex_);
  evaluations["all"] = scores_;
  return evaluations;
}

std::vector<Json> RunView::newestScores() {
  const std::lock_guard lock(mutex_);
  refresh();
  std::vector<Json> scores;
  for (const auto& [key, score] : newest_scores_)
    scores.push_back(score);
  return scores;
}

}  // namespace sphereface
