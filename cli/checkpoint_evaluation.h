// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// `sphereface train --evaluate-with`: scores of a run's checkpoints, beside the training and after
// it, by `sphereface evaluate BENCHMARK --run RUN`.

#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/subprocess.h"
#include "run/log_output.h"

namespace sphereface {

class CheckpointEvaluation {
 public:
  /// `benchmarks`: what stands behind `sphereface evaluate`, such as "lfw --pairs P --images D".
  /// errors: UsageError for a benchmark that needs more than a checkpoint.
  CheckpointEvaluation(const std::vector<std::string>& benchmarks, std::filesystem::path run,
                       LogOutput& output);
  CheckpointEvaluation(const CheckpointEvaluation&) = delete;
  CheckpointEvaluation& operator=(const CheckpointEvaluation&) = delete;
  /// Ends an evaluation that isn't done.
  ~CheckpointEvaluation();

  /// errors: UsageError when arguments are wrong or what they name is missing.
  void check() const;

  /// While the job runs, as often as one likes: sees to it that the newest checkpoint is evaluated,
  /// one benchmark at a time, and says how that went. A failure is said and otherwise ignored.
  void look();

  /// Evaluates the newest checkpoint where that isn't done yet, and waits for it.
  /// errors: Error when a benchmark of it failed.
  void finish();

 private:
  CommandLine line(size_t benchmark) const;
  /// The next benchmark of the checkpoint, or the first of a newer one; none when all are done.
  void startNext();
  /// Takes the newest checkpoint unless it is the one that was evaluated last.
  bool takeNewest();
  std::filesystem::path held() const;
  void takeResult(int code);

  std::vector<CommandLine> benchmarks_;
  std::filesystem::path run_;
  LogOutput& output_;
  std::string checkpoint_;  // being evaluated (then it is held), or the last one that was
  size_t next_ = 0;         // benchmark of that checkpoint
  bool failed_ = false;     // one of them
  double looked_ = 0;
  std::unique_ptr<BackgroundProgram> program_;
};

/// The words of a line as a shell takes them apart, with both kinds of quotes; nothing in them is
/// expanded. errors: UsageError for a quote that isn't closed.
CommandLine splitWords(const std::string& line);

}  // namespace sphereface
