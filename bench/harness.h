// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What all measurements have in common: options, turns, medians, tables, JSON. A program says what
// it measures and how its figures are shown:
//
//   void measure(bench::Bench& bench) {
//     const int turns = bench.option("--turns", 7);
//     bench.start();
//     std::vector<bench::Contender> sorts = {{"sort", ...}, {"stable_sort", ...}};
//     bench::takeTurns(sorts, {.rounds = turns});
//     for (const bench::Contender& sort : sorts) {
//       bench.row("sorts", {{"sort", sort.name, 12},
//                           {"ms", 1e3 * sort.median(), 2},
//                           {"x sort", sort.timesAsFastAs(sorts[0]), 2}});
//     }
//   }
//
//   int main(int argc, char** argv) { return bench::run(argc, argv, measure); }
//
// Every program tells the machine and the command with its defaults, and takes --json FILE, which
// has them, too, and all figures, unrounded. Nothing but the standard library is needed, so that
// the GPU's programs can be built where little else is (scripts/gpu).

#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "base/statistics.h"

namespace sphereface::bench {

/// What an action takes.
double secondsOf(const std::function<void()>& action);

/// One of several that are compared.
struct Contender {
  std::string name;
  std::function<double()> measure;   // takes one turn and returns its seconds
  std::vector<double> seconds = {};  // by round

  double median() const { return sphereface::median(seconds); }
  double shortest() const { return std::ranges::min(seconds); }
  double longest() const { return std::ranges::max(seconds); }
  /// Median over the rounds of the other's seconds by this one's: a slow moment of the machine is
  /// in both.
  double timesAsFastAs(const Contender& other) const;
};

struct Turns {
  int rounds = 1;
  int warm_up = 1;              // rounds before them: they fill caches and aren't kept
  bool there_and_back = false;  // every second round goes backwards
};

/// All contenders one after the other, round by round, so that what else the machine does falls on
/// all alike.
void takeTurns(std::vector<Contender>& contenders, const Turns& turns);

/// A number with its decimals, or a text with the least width of its column.
struct Figure {
  Figure(std::string its_name, std::string text, int width = 0)
      : name(std::move(its_name)), value(std::move(text)), format(width) {}
  template <class Number, class = std::enable_if_t<std::is_arithmetic_v<Number>>>
  Figure(std::string its_name, Number number, int decimals = 0)
      : name(std::move(its_name)), value(static_cast<double>(number)), format(decimals) {}

  std::string name;  // with the unit
  std::variant<std::string, double> value;
  int format;
};

class Bench {
 public:
  Bench(int argc, char** argv);

  // Options are asked for one by one; then start() complains of arguments that nobody asked for.
  // errors: UsageError.

  /// What stands after `name`, or `standard`. Value: int, size_t, double or std::string.
  template <class Value>
  Value option(const std::string& name, const Value& standard);
  /// One of several; the first where none is given.
  std::string choice(const std::string& name, const std::vector<std::string>& choices);
  /// All up to the next option.
  std::vector<std::string> list(const std::string& name, const std::vector<std::string>& standard);
  bool flag(const std::string& name);
  /// One without a name, which must be given. To be asked for last.
  std::string argument(const std::string& what);
  void start();

  /// Nothing is shown or written: another rank does that.
  void silence() { silent_ = true; }
  /// What all rows have in common.
  void fact(const Figure& figure);
  /// The next row of a table, shown at once. All rows of a table have figures of the same names.
  void row(const std::string& table, const std::vector<Figure>& figures);
  /// Into the file of --json, if there is one. errors: Error naming it.
  void writeJson() const;

 private:
  /// Takes `name` and what follows it, up to the next option, out of the arguments.
  std::vector<std::string> take(const std::string& name, size_t most);

  std::vector<std::string> arguments_;
  std::string known_;    // options that were asked for
  std::string command_;  // with their values
  std::string json_file_;
  bool silent_ = false;
  std::vector<Figure> facts_;
  std::vector<std::pair<std::string, std::string>> tables_;  // names, and rows in JSON
};

/// Measures and writes the JSON file. Returns the program's exit code; an exception becomes one
/// line on stderr.
int run(int argc, char** argv, const std::function<void(Bench&)>& measure);

}  // namespace sphereface::bench
