// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "cli/checkpoint_evaluation.h"

#include <chrono>
#include <cstdio>
#include <fstream>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "model/checkpoint.h"
#include "report/numbers.h"
#include "run/run_folder.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

constexpr double kLookSeconds = 1;

/// The last line of RUN/evaluations.jsonl.
Json lastScores(const fs::path& run) {
  std::ifstream file(RunFolder{run}.evaluations());
  std::string line;
  std::string last;
  while (std::getline(file, line))
    last = line;
  return parseJson(last);
}

}  // namespace

CommandLine splitWords(const std::string& line) {
  CommandLine words;
  bool in_word = false;
  char quote = 0;
  for (const char c : line) {
    if (quote != 0 && c == quote) {
      quote = 0;
    } else if (quote == 0 && (c == '\'' || c == '"')) {
      quote = c;
      if (!std::exchange(in_word, true)) words.emplace_back();
    } else if (quote == 0 && (c == ' ' || c == '\t' || c == '\n')) {
      in_word = false;
    } else {
      if (!std::exchange(in_word, true)) words.emplace_back();
      words.back() += c;
    }
  }
  if (quote != 0) throw UsageError(concat("a quote isn't closed: ", line));
  return words;
}

CheckpointEvaluation::CheckpointEvaluation(const std::vector<std::string>& benchmarks, fs::path run,
                                           LogOutput& output)
    : run_(std::move(run)), output_(output) {
  for (const std::string& benchmark : benchmarks) {
    benchmarks_.push_back(splitWords(benchmark));
    if (benchmarks_.back().empty() || benchmarks_.back()[0] != "lfw") {
      throw UsageError(concat("--evaluate-with \"", benchmark,
                              "\": only lfw makes features of a checkpoint itself"));
    }
  }
}

CheckpointEvaluation::~CheckpointEvaluation() {
  program_.reset();
  std::error_code ignored;
  fs::remove_all(held(), ignored);
}

CommandLine CheckpointEvaluation::line(size_t benchmark) const {
  CommandLine line = {siblingProgram("sphereface").string(), "evaluate"};
  line.insert(line.end(), benchmarks_[benchmark].begin(), benchmarks_[benchmark].end());
  line.insert(line.end(), {"--run", run_.string()});
  return line;
}

void CheckpointEvaluation::check() const {
  for (size_t i = 0; i < benchmarks_.size(); ++i) {
    CommandLine checking = line(i);
    checking.emplace_back("--check");
    if (runProgram(checking) != kExitDone) {
      throw UsageError(
          concat("--evaluate-with \"", shellText(benchmarks_[i]), "\" can't be done (see above)"));
    }
  }
}

void CheckpointEvaluation::takeResult(int code) {
  program_.reset();
  if (code != kExitDone) {
    failed_ = true;
    std::fprintf(stderr, "sphereface: evaluation of %s failed with exit code %d, see %s\n",
                 checkpoint_.c_str(), code, (run_ / "evaluations").c_str());
    return;
  }
  Json scores = lastScores(run_);
  scores.erase("roc");
  output_.line("evaluation",
               concat("of ", checkpoint_, ": ", scores.at("benchmark").get<std::string>(),
                      ", protocol ", scores.at("protocol").get<std::string>(), ", accuracy ",
                      percent(scores.at("accuracy_mean").get<double>()), " +- ",
                      percent(scores.at("accuracy_std").get<double>())),
               scores);
}

fs::path CheckpointEvaluation::held() const {
  return run_ / "evaluations" / "held";
}

bool CheckpointEvaluation::takeNewest() {
  for (;;) {
    const std::vector<fs::path> checkpoints = listCheckpoints(run_);
    if (checkpoints.empty() || checkpoints.back().filename() == checkpoint_) return false;
    // Training goes on, and may remove it before its last benchmark is done.
    if (!holdCheckpoint(checkpoints.back(), held() / checkpoints.back().filename())) continue;
    checkpoint_ = checkpoints.back().filename().string();
    next_ = 0;
    failed_ = false;
    return true;
  }
}

void CheckpointEvaluation::startNext() {
  if (checkpoint_.empty() || next_ == benchmarks_.size()) {
    if (benchmarks_.empty()) return;
    fs::remove_all(held());
    if (!takeNewest()) return;
  }
  CommandLine program = line(next_);
  program.insert(program.end(), {"--checkpoint", (held() / checkpoint_).string()});
  program_ = std::make_unique<BackgroundProgram>(
      program, run_ / "evaluations" / concat(checkpoint_, "-", next_ + 1, ".log"));
  ++next_;
}

void CheckpointEvaluation::look() {
  if (secondsNow() < looked_ + kLookSeconds) return;
  looked_ = secondsNow();
  if (program_) {
    const std::optional<int> code = program_->code();
    if (!code) return;
    takeResult(*code);
  }
  startNext();
}

void CheckpointEvaluation::finish() {
  for (;;) {
    if (program_) {
      std::optional<int> code;
      while (!(code = program_->code()))
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
      takeResult(*code);
    }
    startNext();
    if (!program_) break;
  }
  if (failed_) throw Error("the training has ended well, but its evaluation failed (see above)");
}

}  // namespace sphereface
