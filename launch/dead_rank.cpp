// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "launch/dead_rank.h"

#include <signal.h>

#include <cmath>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/pattern.h"

namespace sphereface {
namespace {

// Longer than what is looked for.
constexpr size_t kTail = 1024;
const std::string kBlanks = "[[:space:]]+";

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
    if (!event.is_object() || event.value("event", Json()) != "stop") continue;
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
  std::string pattern =
      R"(process rank ([0-9]+) with PID [0-9]+ on node ([^[:space:]]+) exited on signal ([0-9]+ \([^)]*\)))";
  for (size_t at = 0; (at = pattern.find(' ', at)) != std::string::npos; at += kBlanks.size())
    pattern.replace(at, 1, kBlanks);
  const std::vector<std::string> match = findPattern(pattern, tail_);
  if (!match.empty()) {
    found_ = DeadRank{std::stoi(match[1]), match[2], match[3]};
  } else if (tail_.size() > kTail) {
    tail_.erase(0, tail_.size() - kTail);
  }
}

/// Only the first such line is of a rank that ended by itself: srun then ends the others.
void DeadRankFinder::lookForSrun() {
  const std::vector<std::string> match =
      findPattern("srun: error: ([^[:space:]]+): tasks? ([0-9]+)[^:\n]*: ([^\n]+)\n", tail_);
  if (match.empty()) return;
  constexpr std::string_view kExited = "Exited with exit code ";
  const std::string& end = match[3];
  if (end.starts_with(kExited)) {
    code_ = std::stoi(end.substr(kExited.size()));
    return;
  }
  const std::string name = end.substr(0, end.find_last_not_of(' ', end.find('(') - 1) + 1);
  const int signal = signalNamed(name);
  if (signal == 0) return;
  code_ = 128 + signal;
  found_ = DeadRank{std::stoi(match[2]), match[1], concat(signal, " (", name, ")")};
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
  for (const char c : errors) {
    if (found_) return;
    if (c != '\n') {
      line_ += c;
      continue;
    }
    const std::vector<std::string> match =
        findPattern("sphereface-[[:alnum:]_]+: (rank [0-9]+@[^[:space:]]+: )error: (.*)", line_);
    if (!match.empty()) found_ = match[1] + match[2];
    line_.clear();
  }
}

}  // namespace sphereface
