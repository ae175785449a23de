// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <string>
#include <vector>

#include "base/command_line.h"
#include "evaluation/rank_group.h"
#include "launch/launch.h"

namespace sphereface {

/// How a verb's work is shared: `sphereface VERB ... --workers 4` starts four ranks of
/// sphereface-evaluator with the same arguments, and there the verb runs on every rank. Outlives
/// the verbs that it is given to.
class WorkSharing {
 public:
  /// In `sphereface`, with the arguments it was given.
  explicit WorkSharing(std::vector<std::string> arguments) : arguments_(std::move(arguments)) {}
  /// In a rank.
  explicit WorkSharing(RankGroup& ranks) : ranks_(&ranks) {}

  /// --workers, --hosts and --launcher.
  void addOptions(const Command& verb);

  /// Whether several ranks do the work: others, or this one with others.
  bool isShared() const { return ranks_ != &alone_ || workers_ > 1 || !hosts_.empty(); }

  /// Whether other ranks were asked for, which then have done the verb's work.
  /// errors: UsageError or Error when they have failed; they have said why.
  bool otherRanksDidIt() const;

  /// Those that share the work with this process.
  RankGroup& ranks() { return *ranks_; }

 private:
  RankGroup alone_;
  RankGroup* ranks_ = &alone_;
  std::vector<std::string> arguments_;
  int workers_ = 0;  // as given; 0: not given
  std::string hosts_;
  std::string launcher_ = launcherNames().front();
};

}  // namespace sphereface
