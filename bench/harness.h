// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What all measurements have in common: options, turns, medians, tables, JSON. A program says what
// it measures and what its columns are:
//
//   void measure(bench::Bench& bench) {
//     const int turns = bench.option("--turns", 7);
//     bench.start();
//     std::vector<bench::Contender> sorts = {{"sort", ...}, {"stable_sort", ...}};
//     bench::takeTurns(sorts, {.rounds = turns});
//     bench::Table& table = bench.table(
//         "sorts", {{"sort", "name"}, {"ms", "seconds", 1e3, 2}, {"x sort", "ratio", 1, 2}});
//     for (const bench::Contender& sort : sorts)
//       table.row({sort.name, sort.median(), sort.timesAsFastAs(sorts[0])});
//   }
//
//   int main(int argc, char** argv) { return bench::run(argc, argv, measure); }
//
// Every program tells the machine and the command with its defaults, and takes --json FILE, which
// has them, too, and the numbers of all tables in their own units. Nothing but the standard library
// is needed, so that the GPU's programs can be built where little else is (scripts/gpu).

#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace sphereface::bench {

/// What an action takes.
double secondsOf(const std::function<void()>& action);

/// One of several that are compared.
struct Contender {
  std::string name;
  std::function<double()> measure;   // takes one turn and returns its seconds
  std::vector<double> seconds = {};  // by round

  double median() const;
  double shortest() const;
  double longest() const;
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

/// A text or a number.
struct Cell {
  Cell(std::string text) : value(std::move(text)) {}
  Cell(const char* text) : value(text) {}
  template <class Number, class = std::enable_if_t<std::is_arithmetic_v<Number>>>
  Cell(Number number) : value(static_cast<double>(number)) {}

  std::variant<std::string, double> value;
};

struct Column {
  std::string title;
  std::string key;   // in the JSON file, which has numbers unscaled
  double scale = 1;  // of numbers when shown
  int decimals = 0;
  size_t width = 8;  // or the title's, if that is more
};

class Table {
 public:
  Table(std::vector<Column> columns, bool silent);
  /// Shown at once. requires: a cell for each column.
  void row(const std::vector<Cell>& cells);
  /// The rows so far.
  std::string json() const { return "[" + rows_ + "\n  ]"; }

 private:
  std::vector<Column> columns_;
  bool silent_;
  std::string rows_;
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
  /// What all numbers have in common: fact("mean_bytes", 2949).
  void fact(const std::string& key, const Cell& value);
  /// A new one, valid as long as this.
  Table& table(const std::string& key, std::vector<Column> columns);
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
  std::vector<std::pair<std::string, Cell>> facts_;
  std::list<std::pair<std::string, Table>> tables_;
};

/// Measures and writes the JSON file. Returns the program's exit code; an exception becomes one
/// line on stderr.
int run(int argc, char** argv, const std::function<void(Bench&)>& measure);

}  // namespace sphereface::bench
