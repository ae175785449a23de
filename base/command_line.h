// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// A program's command line: its verbs, options and help. What stands for a verb or an option here
// is light to copy; the Program it belongs to outlives it.
//
//   Program program("sphereface", "SphereFace training.");
//   Command verb = program.verb("align", "Find the face in every photograph");
//   verb.required("--input", &input, "Folder of photographs");
//   verb.setting("--quality", {&quality, "[1, 100]"}, "JPEG quality");
//   verb.action([&] { align(input, quality); });
//   return program.parse(argc, argv).value_or(kExitDone);
//
// CLI11 does the work. Its header takes the compiler five seconds: only command_line.cpp includes
// it.

#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/interval.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace sphereface {

/// Where an option's value goes; it outlives the parsing. A number comes with what it may be. A
/// list takes all words up to the next option.
class Variable {
 public:
  template <class Number>
  struct Bounded {
    Number* to;
    Interval interval;
  };
  using Target = std::variant<Bounded<int>, Bounded<uint32_t>, Bounded<uint64_t>, Bounded<double>,
                              std::string*, std::filesystem::path*, std::vector<std::string>*,
                              std::vector<std::filesystem::path>*>;

  template <class Number>
  Variable(Number* to, Interval interval) : target_(Bounded<Number>{to, std::move(interval)}) {}
  template <class Text>
  Variable(Text* to) : target_(to) {}  // NOLINT(google-explicit-constructor)

  const Target& target() const { return target_; }

 private:
  Target target_;
};

/// What an option's value has to be; each returns the option itself.
class Option {
 public:
  explicit Option(CLI::Option* option) : option_(option) {}

  Option oneOf(const std::vector<std::string>& words) const;
  Option existingFile() const;
  /// Of a list: how many words it has.
  Option atLeast(int words) const;
  /// Of a list: a word each time, so that the option is repeated for more.
  Option repeated() const;
  /// Makes no sense without, or with, another.
  Option needs(const Option& other) const;
  Option excludes(const Option& other) const;

 private:
  CLI::Option* option_;
};

/// A verb, or the program itself. A name without dashes is of an argument known by its place.
class Command {
 public:
  explicit Command(CLI::App* app) : app_(app) {}

  Option option(const char* name, const Variable& variable, const std::string& text) const;
  Option required(const char* name, const Variable& variable, const std::string& text) const;
  /// An option of which the help shows what the variable has now.
  Option setting(const char* name, const Variable& variable, const std::string& text) const;
  Option flag(const char* name, bool* variable, const std::string& text) const;
  /// One of several words, each with a number, which `take` is called with.
  Option choice(const char* name, const std::vector<std::pair<std::string, int>>& words,
                const std::function<void(int)>& take, const std::string& text) const;

  /// Options of which one, or at most one, has to be given, with a title of their own in the help.
  Command exactlyOneOf(const char* title) const;
  Command atMostOneOf(const char* title) const;

  Command verb(const char* name, const char* text) const;
  /// One of its verbs has to be given.
  void needVerb() const;
  bool hasVerb(const std::string& name) const;

  /// What the help ends with; made when it is shown.
  void footer(const char* text) const;
  void footer(const std::function<std::string()>& text) const;
  /// What is done when it was asked for, by parse(); with a code when that isn't kExitDone alone.
  void action(const std::function<void()>& act) const;
  void actionWithCode(const std::function<int()>& act) const;

 private:
  CLI::App* app_;
};

class Program : public Command {
 public:
  /// `version` is what --version prints.
  Program(const char* name, const char* text, const char* version);
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program();

  /// Adds --help-all.
  void helpOfAllVerbs() const;

  /// Takes the arguments and does what they ask for. Returns the exit code when nothing is left to
  /// do but to end: after a help text, after a complaint about the arguments, which `silent` keeps
  /// to itself, or with the code of an action. Throws what an action throws.
  std::optional<int> parse(int argc, char** argv, bool silent = false) const;

 private:
  explicit Program(std::unique_ptr<CLI::App> app);

  std::unique_ptr<CLI::App> owned_;
};

}  // namespace sphereface
