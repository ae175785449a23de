// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "doctor/finding.h"

namespace sphereface::doctor {

/// How many findings of each state.
struct Counts {
  size_t ok = 0;
  size_t warn = 0;
  size_t fail = 0;
  size_t skipped = 0;
};

Counts countStates(const std::vector<Finding>& findings);

/// Findings for people, as they come: state, name, what was found, wrapped; below it the first
/// examples and the fix. Skipped ones that follow each other for one reason share a line.
class TextReport {
 public:
  using Print = std::function<void(const std::string&)>;
  explicit TextReport(Print print) : print_(std::move(print)) {}

  void group(const std::string& title);
  void add(const Finding& finding);
  /// Prints what is still held back. Call last.
  void finish();

 private:
  Print print_;
  std::string skipped_;  // names
  std::string why_;
};

/// "17 ok, 2 warnings, 1 failed, 3 skipped"
std::string countsText(const Counts& counts);

/// {"findings": [{name, state, found, fix, examples}], "counts": {ok, warn, fail, skipped}};
/// a state is called as in counts, examples are there when a finding has any.
Json reportJson(const std::vector<Finding>& findings);

}  // namespace sphereface::doctor
