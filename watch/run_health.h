// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What is wrong with a run, in words, by what its folder and its coordinator tell.

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "watch/live_status.h"

namespace sphereface {

enum class RunState {
  kTraining,
  kEnded,    // trained to the end
  kStopped,  // as asked
  kFailed,   // the reason is an event
  kGone,     // ended without a word
};

struct RunFacts {
  RunState state = RunState::kTraining;
  double now = 0;            // unix time
  std::vector<Json> events;  // since the start of the newest job, that one first
  Json last;                 // newest line of metrics.jsonl; null: none yet
  // Median images/s of the run, and of its newest lines; 0: not known.
  double usual_rate = 0;
  double recent_rate = 0;
  uint64_t checkpoint_every = 0;   // steps
  std::optional<LiveStatus> live;  // where its coordinator asks
};

struct Problem {
  bool critical = false;  // the run doesn't get on, or not to a good end
  std::string title;      // a few words
  std::string text;       // what was seen, and what to try
};

/// The worst first; empty when all is well.
std::vector<Problem> problemsOf(const RunFacts& facts);

}  // namespace sphereface
