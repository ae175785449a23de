// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "launch/dead_rank.h"

#include <signal.h>

#include <cmath>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <regex>

#include "base/error.h"
#include "base/json.h"

namespace sphereface {
namespace {

// Longer than what is looked for.
constexpr size_t kTail = 1024;

/// By the name that srun prints; 0 for none.
int signalNamed(const std::string& name) {
  for (int signal = 1; signal < SIGRTMIN; ++signal) {
    if (name == ::strsignal(signal)) return signal;
  }
  return 0;
}

/// What the coordinator had last heard of the rank; null when it had no time to write it down.
Json lastHeard(int rank, const std::filesystem::path& events, uint64_t from) {
  Json found;
  std::ifstream lines(events);
  lines.seekg(static_cast<std::streamoff>(from));
  for (std::string line; std::getline(lines, line);) {
    const Json event = tryParseJson(line);
    if (event.is_discarded() || event.value("event", "") != "stop") continue;
    for (const Json& worker : event.value("workers", Json::array())) {
      if (worker.at("rank") == rank) found = worker;
    }
  }
  return found;
}

}  // namespace

void DeadRankFinder::read(std::string_view errors) {
  if (found_ || code_) return;
  tail_ += errors;
  lookForSrun();
  if (code_) return;
  // OpenMPI 5 breaks its lines, anywhere between two words.
  static const std::regex kWords(
      R"(process\s+rank\s+(\d+)\s+with\s+PID\s+\d+\s+on\s+node\s+(\S+)\s+exited\s+on\s+signal\s+(\d+)"
      R"(\s+\([^)]*\)))");
  std::smatch match;
  if (std::regex_search(tail_, match, kWords)) {
    found_ = DeadRank{std::stoi(match[1]), match[2], match[3]};
  } else if (tail_.size() > kTail) {
    tail_.erase(0, tail_.size() - kTail);
  }
}

/// Only the first such line is of a rank that ended by itself: srun then ends the others.
void DeadRankFinder::lookForSrun() {
  static const std::regex kWords(
      R"(srun: error: (\S+): tasks? (\d+)[^:\n]*: (?:Exited with exit code (\d+)|([^\n(]*[^\n( ])[^\n]*)\n)");
  std::smatch match;
  if (!std::regex_search(tail_, match, kWords)) return;
  if (match[3].matched) {
    code_ = std::stoi(match[3]);
    return;
  }
  const int signal = signalNamed(match[4]);
  if (signal == 0) return;
  code_ = 128 + signal;
  found_ = DeadRank{std::stoi(match[2]), match[1], concat(signal, " (", match[4].str(), ")")};
}

std::string describeDeadRank(const DeadRank& dead, const std::filesystem::path& events,
                             uint64_t from) {
  const Json heard = lastHeard(dead.rank, events, from);
  const std::string host = heard.is_null() ? dead.host : heard.at("host").get<std::string>();
  std::string text =
      concat("rank ", dead.rank, "@", host, dead.rank == 0 ? ", the coordinator," : "",
             " was ended by signal ", dead.signal);
  if (!heard.is_null()) {
    text += concat(", last heard ", std::round(10 * heard.at("seconds_ago").get<double>()) / 10,
                   " s before the job's end ", heard.at("doing").get<std::string>());
  }
  return text;
}

void RankErrorFinder::read(std::string_view errors) {
  static const std::regex kError(R"(sphereface-\w+: (rank \d+@\S+: )error: (.*))");
  for (const char c : errors) {
    if (found_) return;
    if (c != '\n') {
      line_ += c;
      continue;
    }
    std::smatch match;
    if (std::regex_search(line_, match, kError)) found_ = match[1].str() + match[2].str();
    line_.clear();
  }
}

}  // namespace sphereface
