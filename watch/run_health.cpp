// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "watch/run_health.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>

#include "base/error.h"
#include "base/progress.h"

namespace sphereface {
namespace {

// A step may take long, and the first one longer.
constexpr double kNoStepSeconds = 30;
constexpr double kNoStepFactor = 10;
constexpr double kFirstStepSeconds = 180;
// Shares of a step beyond which waiting is worth a word.
constexpr double kLoaderShare = 0.2;
constexpr double kCommunicationShare = 0.4;
// Of the usual images/s.
constexpr double kSlowRate = 0.6;
// Checkpoints late by so many of their intervals.
constexpr double kStaleCheckpoints = 3;
// How long a step that diverged is news.
constexpr double kDivergedSeconds = 600;

double number(const Json& line, const char* field) {
  const Json value = line.is_object() ? line.value(field, Json()) : Json();
  return value.is_number() ? value.get<double>() : 0;
}

std::string percent(double share) {
  return concat(std::lround(100 * share), " %");
}

const Json* newest(const std::vector<Json>& events, const char* kind) {
  const auto found = std::find_if(events.rbegin(), events.rend(), [&](const Json& event) {
    return event.value("event", "") == kind;
  });
  return found == events.rend() ? nullptr : &*found;
}

void ofTheEnd(const RunFacts& facts, std::vector<Problem>& problems) {
  if (facts.state == RunState::kFailed) {
    const Json* lost = newest(facts.events, "lost");
    if (lost == nullptr) lost = newest(facts.events, "failed");
    problems.push_back({true, "The job failed",
                        concat(lost != nullptr ? lost->value("text", "") : "",
                               ". Continue it with --resume auto, or let --restarts do so.")});
  } else if (facts.state == RunState::kGone) {
    const Json* skipped = newest(facts.events, "skipped");
    const bool diverged = skipped != nullptr && skipped == &facts.events.back();
    problems.push_back(
        {true, diverged ? "Training diverged" : "The job is gone",
         diverged ? concat(skipped->value("text", ""),
                           ", and the job ended. Lower solver.base_learning_rate, add "
                           "solver.warmup, or set solver.on_divergence to SKIP or ROLL_BACK.")
                  : "It ended without a word: killed, or its host went down. What it last printed "
                    "may tell. Continue it with --resume auto."});
  }
}

/// Of workers and steps, as only the coordinator sees them.
void ofProgress(const RunFacts& facts, std::vector<Problem>& problems) {
  if (!facts.live) return;
  const LiveStatus& live = *facts.live;
  std::vector<LastHeard> silent;
  for (LastHeard worker : live.workers) {
    if (!isSilent(live, worker, facts.now)) continue;
    worker.ago = std::chrono::duration<double>(silence(live, worker, facts.now));
    silent.push_back(worker);
  }
  if (!silent.empty()) {
    const size_t count = silent.size();
    problems.push_back(
        {true, count == 1 ? "A worker is silent" : concat(count, " workers are silent"),
         concat(describeSilent(silent),
                ". The others wait for it in the reduction of gradients; the job ends after "
                "coordinator.liveness_seconds of silence. Look at that process and its host.")});
    return;  // why there is no step
  }
  const double without = facts.now - live.last_step;
  const bool first = !facts.last.is_object();
  const double allowed =
      first ? kFirstStepSeconds
            : std::max(kNoStepSeconds, kNoStepFactor * number(facts.last, "step_seconds"));
  if (!live.workers.empty() && without > allowed) {
    const LastHeard& one = live.workers.front();
    problems.push_back({true, "No progress",
                        concat("No step has ended for ", formatDuration(without),
                               ", though all workers are heard of. Rank ", one.rank, "@", one.host,
                               " is ", one.doing, ".")});
  }
  if (facts.checkpoint_every > 0 && !first) {
    const double interval =
        static_cast<double>(facts.checkpoint_every) * number(facts.last, "step_seconds");
    const double age = facts.now - live.last_checkpoint;
    if (age > kStaleCheckpoints * std::max(interval, kNoStepSeconds)) {
      problems.push_back(
          {false, "The newest checkpoint is old",
           concat("The last one was committed ", formatDuration(age), " ago, one is due every ",
                  facts.checkpoint_every, " steps. Is the run folder's disk full, or slow?")});
    }
  }
}

void ofSpeed(const RunFacts& facts, std::vector<Problem>& problems) {
  const double loader = number(facts.last, "loader_share");
  if (loader > kLoaderShare) {
    problems.push_back({false, "Waiting for images",
                        concat(percent(loader),
                               " of a step is waiting for images. Raise data.threads or "
                               "data.cache_megabytes, or put the data set on a faster disk.")});
  }
  const double communication = number(facts.last, "communication_share");
  if (communication > kCommunicationShare) {
    problems.push_back({false, "Waiting for gradients",
                        concat(percent(communication),
                               " of a step is waiting for the reduction of gradients. Larger "
                               "batches, worker.gradient_wire: WIRE_BF16 or a faster network "
                               "help; a slow worker makes all others wait, too.")});
  }
  if (facts.usual_rate > 0 && facts.recent_rate < kSlowRate * facts.usual_rate) {
    problems.push_back(
        {false, "Slower than before",
         concat(std::lround(facts.recent_rate), " images/s, where this run's usual rate is ",
                std::lround(facts.usual_rate), ". Do other programs run on these hosts?")});
  }
}

void ofEvents(const RunFacts& facts, std::vector<Problem>& problems) {
  std::map<double, const Json*> slow;  // by rank, what its newest event says
  for (const Json& event : facts.events) {
    if (event.value("event", "") == "straggler") slow[number(event, "rank")] = &event;
  }
  for (const auto& [rank, event] : slow) {
    if (event->value("slow", Json()) != true) continue;
    problems.push_back({false, "A worker is slow",
                        concat(event->value("text", ""),
                               ". Look for other programs, throttling or swapping there.")});
  }
  if (const Json* slow_link = newest(facts.events, "slow_link"))
    problems.push_back({false, "The network is slow", slow_link->value("text", "")});
  if (const Json* stuck = newest(facts.events, "stuck"))
    problems.push_back({false, "The network isn't learning", stuck->value("text", "")});
  const Json* skipped = newest(facts.events, "skipped");
  if (skipped != nullptr && facts.now - number(*skipped, "time") < kDivergedSeconds) {
    problems.push_back(
        {false, "A step diverged",
         concat(skipped->value("text", ""), ". ", std::lround(number(facts.last, "skipped_steps")),
                " so far. Should it go on, lower solver.base_learning_rate.")});
  }
}

}  // namespace

std::vector<Problem> problemsOf(const RunFacts& facts) {
  std::vector<Problem> problems;
  ofTheEnd(facts, problems);
  if (facts.state == RunState::kTraining) {
    ofProgress(facts, problems);
    ofSpeed(facts, problems);
    ofEvents(facts, problems);
  }
  std::stable_partition(problems.begin(), problems.end(),
                        [](const Problem& problem) { return problem.critical; });
  return problems;
}

}  // namespace sphereface
