// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "doctor/report.h"

#include <algorithm>
#include <sstream>

#include "base/error.h"
#include "base/printable.h"

namespace sphereface::doctor {
namespace {

constexpr size_t kWidth = 100;
constexpr size_t kStateWidth = 9;
constexpr size_t kIndent = 28;  // where what was found begins
constexpr size_t kExamplesShown = 5;

const char* nameOf(State state) {
  switch (state) {
    case State::kOk:
      return "ok";
    case State::kWarn:
      return "warn";
    case State::kFail:
      return "fail";
    case State::kSkipped:
      break;
  }
  return "skipped";
}

std::string padded(std::string text, size_t width) {
  text.resize(std::max(width, text.size() + 1), ' ');
  return text;
}

/// Breaks at blanks, `begin` before the first line and as many blanks before the others. A word
/// that is longer than a line stays whole, so that a path can be copied.
std::string wrapped(const std::string& begin, const std::string& text) {
  std::string result = begin;
  size_t column = begin.size();
  std::istringstream words(text);
  bool first = true;
  for (std::string word; words >> word;) {
    if (!first && column + 1 + word.size() > kWidth) {
      result += '\n' + std::string(begin.size(), ' ');
      column = begin.size();
      first = true;
    }
    if (!first) {
      result += ' ';
      ++column;
    }
    result += word;
    column += word.size();
    first = false;
  }
  return result + '\n';
}

std::string findingText(const Finding& finding) {
  std::string text = wrapped(
      padded(padded(nameOf(finding.state), kStateWidth) + finding.name, kIndent), finding.found);
  const std::string margin(kIndent, ' ');
  const size_t shown = std::min(kExamplesShown, finding.examples.size());
  for (size_t i = 0; i < shown; ++i)
    text += margin + "  " + finding.examples[i] + '\n';
  if (shown < finding.examples.size()) {
    text +=
        concat(margin, "  ... and ", finding.examples.size() - shown, " more (--json has them)\n");
  }
  if (!finding.fix.empty()) text += wrapped(margin + "fix: ", finding.fix);
  return text;
}

}  // namespace

Counts countStates(const std::vector<Finding>& findings) {
  Counts counts;
  for (const Finding& finding : findings) {
    switch (finding.state) {
      case State::kOk:
        ++counts.ok;
        break;
      case State::kWarn:
        ++counts.warn;
        break;
      case State::kFail:
        ++counts.fail;
        break;
      case State::kSkipped:
        ++counts.skipped;
        break;
    }
  }
  return counts;
}

void TextReport::group(const std::string& title) {
  finish();
  print_(concat('\n', title, '\n'));
}

void TextReport::add(const Finding& finding) {
  if (finding.state == State::kSkipped) {
    if (finding.found != why_) finish();
    why_ = finding.found;
    skipped_ += (skipped_.empty() ? "" : ", ") + finding.name;
    return;
  }
  finish();
  print_(printable(findingText(finding)));
}

void TextReport::finish() {
  if (skipped_.empty()) return;
  print_(printable(
      wrapped(padded(nameOf(State::kSkipped), kStateWidth), concat(skipped_, ": ", why_))));
  skipped_.clear();
}

std::string countsText(const Counts& counts) {
  return concat(counts.ok, " ok, ", counts.warn, counts.warn == 1 ? " warning, " : " warnings, ",
                counts.fail, " failed, ", counts.skipped, " skipped");
}

Json reportJson(const std::vector<Finding>& findings) {
  Json json;
  json["findings"] = Json::array();
  for (const Finding& finding : findings) {
    Json one;
    one["name"] = finding.name;
    one["state"] = nameOf(finding.state);
    one["found"] = finding.found;
    one["fix"] = finding.fix;
    if (!finding.examples.empty()) one["examples"] = finding.examples;
    json["findings"].push_back(std::move(one));
  }
  const Counts counts = countStates(findings);
  json["counts"] = {
      {"ok", counts.ok}, {"warn", counts.warn}, {"fail", counts.fail}, {"skipped", counts.skipped}};
  return json;
}

}  // namespace sphereface::doctor
