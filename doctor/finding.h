// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What a check says. A check is a function from plain facts to a finding, so that its thresholds
// can be tested without the machine that has the trouble; gathering the facts is another function.

#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/progress.h"

namespace sphereface::doctor {

enum class State {
  kOk,
  kWarn,     // works, but probably not as meant
  kFail,     // training would fail or learn nothing right
  kSkipped,  // couldn't be checked: `found` says why
};

struct Finding {
  std::string name;
  State state = State::kOk;
  std::string found;
  std::string fix;  // a command line or fields of the configuration; of kWarn and kFail
  std::vector<std::string> examples;  // records, pairs, tensors: at most kMostExamples
};

constexpr size_t kMostExamples = 1000;

inline std::string bytesText(uint64_t count) {
  return formatScaled(static_cast<double>(count), "B");
}

inline Finding good(std::string name, std::string found) {
  return {std::move(name), State::kOk, std::move(found), "", {}};
}
inline Finding warning(std::string name, std::string found, std::string fix) {
  return {std::move(name), State::kWarn, std::move(found), std::move(fix), {}};
}
inline Finding failure(std::string name, std::string found, std::string fix) {
  return {std::move(name), State::kFail, std::move(found), std::move(fix), {}};
}
inline Finding skipped(std::string name, std::string why) {
  return {std::move(name), State::kSkipped, std::move(why), "", {}};
}

}  // namespace sphereface::doctor
