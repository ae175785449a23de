// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "bench/harness.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <fstream>
#include <sstream>

#include "base/clock.h"
#include "base/error.h"
#include "base/parallel.h"

namespace sphereface::bench {
namespace {

/// The line of /proc/cpuinfo that begins with `name`, as it is after the colon; empty without one.
std::string processorLine(const char* name) {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(name)) return line.substr(std::min(line.size(), line.find(':') + 2));
  }
  return {};
}

/// The best set that libraries use.
const char* instructions() {
  const std::string flags = processorLine("flags") + " ";
  const auto has = [&](const char* flag) { return flags.find(flag) != std::string::npos; };
  if (has(" amx_bf16 ")) return "AMX-BF16";
  if (has(" avx512_bf16 ")) return "AVX512-BF16";
  if (has(" avx512f ")) return "AVX-512";
  return has(" avx2 ") ? "AVX2" : "no AVX2";
}

template <class Value>
Value valueOf(const std::string& text, const std::string& name) {
  std::istringstream in(text);
  Value value{};
  if (!(in >> value) || in.peek() != EOF)
    throw UsageError(concat(name, ": \"", text, "\" is no number"));
  // A stream takes -1 for the largest number without a sign.
  if (text.starts_with('-') || value <= 0 || static_cast<double>(value) > 1e9)
    throw UsageError(concat(name, ": ", text, " is outside (0, 1e9]"));
  return value;
}

template <>
std::string valueOf(const std::string& text, const std::string&) {
  return text;
}

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c == '\n' || c == '\t' ? ' ' : c;
  }
  return result + '"';
}

std::string textOf(const Figure& figure) {
  if (const auto* text = std::get_if<std::string>(&figure.value)) return *text;
  char digits[400];  // room for any number
  std::snprintf(digits, sizeof digits, "%.*f", figure.format, std::get<double>(figure.value));
  return digits;
}

/// "name": value
std::string jsonOf(const Figure& figure) {
  const std::string name = quoted(figure.name) + ": ";
  if (const auto* text = std::get_if<std::string>(&figure.value)) return name + quoted(*text);
  const double number = std::get<double>(figure.value);
  if (!std::isfinite(number)) return name + "null";
  char digits[32];  // room for the shortest text that reads as the same number
  return name + std::string(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

/// Text stands on the left of its column, a number on the right.
std::string aligned(const std::string& text, const Figure& column) {
  const bool is_text = std::holds_alternative<std::string>(column.value);
  const size_t least = is_text ? static_cast<size_t>(column.format) : 8;
  const size_t width = std::max({least, column.name.size(), text.size()});
  const std::string blanks(width - text.size(), ' ');
  return "  " + (is_text ? text + blanks : blanks + text);
}

void show(const Figure& fact) {
  std::printf("%s: %s\n", fact.name.c_str(), textOf(fact).c_str());
}

}  // namespace

double secondsOf(const std::function<void()>& action) {
  const double begin = secondsNow();
  action();
  return secondsNow() - begin;
}

double Contender::timesAsFastAs(const Contender& other) const {
  std::vector<double> ratios;
  for (size_t round = 0; round < seconds.size(); ++round)
    ratios.push_back(other.seconds[round] / seconds[round]);
  return sphereface::median(ratios);
}

void takeTurns(std::vector<Contender>& contenders, const Turns& turns) {
  for (Contender& contender : contenders)
    contender.seconds.clear();
  for (int round = -turns.warm_up; round < turns.rounds; ++round) {
    for (size_t i = 0; i < contenders.size(); ++i) {
      const bool backwards = turns.there_and_back && round % 2 != 0;
      Contender& contender = contenders[backwards ? contenders.size() - 1 - i : i];
      const double seconds = contender.measure();
      if (round >= 0) contender.seconds.push_back(seconds);
    }
  }
}

Bench::Bench(int argc, char** argv)
    : arguments_(argv + 1, argv + argc),
      command_(argv[0]),
      facts_({{"processor", processorLine("model name")},
              {"instructions", instructions()},
              {"threads", availableThreads()}}) {
  for (const std::string& file : take("--json", 1))
    json_file_ = file;
}

std::vector<std::string> Bench::take(const std::string& name, size_t most) {
  known_ += " " + name;
  std::vector<std::string> texts;
  for (;;) {
    const auto at = std::ranges::find(arguments_, name);
    if (at == arguments_.end()) return texts;
    auto end = at + 1;
    while (end != arguments_.end() && !end->starts_with("--") && texts.size() < most)
      texts.push_back(*end++);
    if (end == at + 1) throw UsageError(concat(name, " needs one value"));
    arguments_.erase(at, end);
  }
}

template <class Value>
Value Bench::option(const std::string& name, const Value& standard) {
  const std::vector<std::string> texts = take(name, 1);
  Value value = texts.empty() ? standard : valueOf<Value>(texts[0], name);
  if (const std::string text = concat(value); !text.empty())
    command_ += concat(" ", name, " ", text);
  return value;
}
template int Bench::option(const std::string&, const int&);
template size_t Bench::option(const std::string&, const size_t&);
template double Bench::option(const std::string&, const double&);
template std::string Bench::option(const std::string&, const std::string&);

std::string Bench::choice(const std::string& name, const std::vector<std::string>& choices) {
  std::string chosen = option(name, choices[0]);
  if (std::ranges::count(choices, chosen) > 0) return chosen;
  std::string all;
  for (const std::string& one : choices)
    all += concat(" ", one);
  throw UsageError(concat(name, " doesn't take ", chosen, ", but", all));
}

std::vector<std::string> Bench::list(const std::string& name,
                                     const std::vector<std::string>& standard) {
  const std::vector<std::string> given = take(name, SIZE_MAX);
  const std::vector<std::string>& values = given.empty() ? standard : given;
  if (!values.empty()) command_ += concat(" ", name);
  for (const std::string& value : values)
    command_ += concat(" ", value);
  return values;
}

bool Bench::flag(const std::string& name) {
  known_ += " " + name;
  const bool given = std::erase(arguments_, name) > 0;
  if (given) command_ += concat(" ", name);
  return given;
}

std::string Bench::argument(const std::string& what) {
  if (arguments_.empty() || arguments_[0].starts_with("--")) throw UsageError(what + " is missing");
  std::string text = arguments_[0];
  arguments_.erase(arguments_.begin());
  command_ += concat(" ", text);
  return text;
}

void Bench::start() {
  if (!arguments_.empty())
    throw UsageError(concat("what is ", arguments_[0], "? There are", known_));
  facts_.insert(facts_.begin(), {"command", command_});
}

void Bench::fact(const Figure& figure) {
  facts_.push_back(figure);
  // Those before the first row are shown with it.
  if (!silent_ && !tables_.empty()) show(figure);
}

void Bench::row(const std::string& table, const std::vector<Figure>& figures) {
  if (tables_.empty() && !silent_) std::ranges::for_each(facts_, show);
  std::string titles = "\n";
  std::string line;
  std::string json;
  for (const Figure& figure : figures) {
    titles += aligned(figure.name, figure);
    line += aligned(textOf(figure), figure);
    json += (json.empty() ? "{" : ", ") + jsonOf(figure);
  }
  const bool begins = tables_.empty() || tables_.back().first != table;
  if (begins) tables_.emplace_back(table, "");
  std::string& rows = tables_.back().second;
  rows += (begins ? "\n    " : ",\n    ") + json + "}";
  if (silent_) return;
  if (begins) std::printf("%s\n", titles.c_str());
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

void Bench::writeJson() const {
  if (silent_ || json_file_.empty()) return;
  std::string text;
  for (const Figure& figure : facts_)
    text += concat(text.empty() ? "{\n  " : ",\n  ", jsonOf(figure));
  for (const auto& [name, rows] : tables_)
    text += concat(",\n  ", quoted(name), ": [", rows, "\n  ]");
  std::ofstream out(json_file_);
  out << text << "\n}\n";
  if (!out.flush()) throw Error("cannot write " + json_file_);
}

int run(int argc, char** argv, const std::function<void(Bench&)>& measure) {
  try {
    Bench bench(argc, argv);
    measure(bench);
    bench.writeJson();
    return kExitDone;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s: error: %s\n", argv[0], e.what());
    return dynamic_cast<const UsageError*>(&e) != nullptr ? kExitUsage : kExitFailed;
  }
}

}  // namespace sphereface::bench
