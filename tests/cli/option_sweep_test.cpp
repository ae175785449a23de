// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Every number that the command line takes, with what is none and at and beyond its ends. The
// options and their ranges are those of the help. An option that isn't there comes last, so that no
// verb begins to work.

#include <gtest/gtest.h>

#include <cmath>
#include <regex>

#include "base/error.h"
#include "cli/commands.h"
#include "cli/work_sharing.h"

namespace sphereface {
namespace {

struct NumberOption {
  std::vector<std::string> verb;
  std::string name;
  std::string allowed;
  long double least = 0;
  long double most = 0;
  bool with_least = false;
  bool with_most = false;

  bool has(const std::string& text) const {
    const bool whole = std::regex_match(text, std::regex("[+-]?[0-9]+"));
    const bool real = std::regex_match(text, std::regex("[+-]?[0-9.]+(e[+-]?[0-9]+)?"));
    if (!whole && !(real && fraction)) return false;
    const long double value = std::strtold(text.c_str(), nullptr);
    return (with_least ? value >= least : value > least) &&
           (with_most ? value <= most : value < most);
  }
  bool fraction = false;  // takes them
};

std::vector<std::string> with(std::vector<std::string> words, const std::string& word) {
  words.push_back(word);
  return words;
}

struct Answer {
  int code = 0;
  std::string text;
};

/// The program's command line, without its main().
class CommandLine {
 public:
  CommandLine() {
    program_.needVerb();
    addVerbs(program_, sharing_);
  }

  Answer ask(std::vector<std::string> words) const {
    words.insert(words.begin(), "sphereface");
    std::vector<char*> argv;
    argv.reserve(words.size());
    for (std::string& word : words)
      argv.push_back(word.data());
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    Answer answer;
    answer.code = program_.parse(static_cast<int>(words.size()), argv.data()).value_or(-1);
    answer.text = ::testing::internal::GetCapturedStderr();
    answer.text += ::testing::internal::GetCapturedStdout();
    return answer;
  }

 private:
  const Program program_{"sphereface", "", ""};
  WorkSharing sharing_{std::vector<std::string>()};
};

void collect(const CommandLine& line, const std::vector<std::string>& verb,
             std::vector<NumberOption>& options) {
  const std::string help = line.ask(with(verb, "--help")).text;
  const std::regex option("\\n  (--[a-z-]+) NUMBER in (([\\[(])(\\S+), (\\S+)([\\])])( [a-z]+)?)");
  for (std::sregex_iterator i(help.begin(), help.end(), option), end; i != end; ++i) {
    const std::smatch& m = *i;
    NumberOption found{verb,        m[1],       m[2], std::stold(m[4]), std::stold(m[5]),
                       m[3] == "[", m[6] == "]"};
    // What stops being whole is told by the complaint.
    found.fraction = line.ask(with(with(verb, found.name), "x")).text.find("is no whole number") ==
                     std::string::npos;
    options.push_back(found);
  }
  const size_t verbs = help.find("\nSubcommands:\n");
  if (verbs == help.npos) return;
  const std::string list = help.substr(verbs + 13);
  const std::regex name("\\n  ([a-z-]+) ");
  for (std::sregex_iterator i(list.begin(), list.end(), name), end; i != end; ++i)
    collect(line, with(verb, (*i)[1]), options);
}

TEST(OptionSweep, EveryNumberIsTakenOrRefusedAsTheHelpSays) {
  const CommandLine line;
  std::vector<NumberOption> options;
  collect(line, {}, options);
  EXPECT_GT(options.size(), 30U);
  int inputs = 0;
  int refused = 0;
  for (const NumberOption& option : options) {
    char beyond[64];
    std::snprintf(beyond, sizeof beyond, "%.0Lf", std::floor(option.most) + 1);
    char end[64];
    std::snprintf(end, sizeof end, "%.0Lf", option.most);
    for (const std::string& value :
         {std::string("0"), std::string("-1"), std::string("nan"), std::string("inf"),
          std::string("12abc"), std::string(""), std::string("0x10"), std::string("1e400"),
          std::string(400, '9'), std::string(end), std::string(beyond)}) {
      // As one word: -1 alone would be an option.
      const Answer result =
          line.ask(with(with(option.verb, option.name + "=" + value), "--none-such"));
      ++inputs;
      const std::string what = concat(option.name, "=", value, ": ", result.text);
      EXPECT_EQ(result.code, 2) << what;
      const bool named = result.text.starts_with(option.name + ": ");
      if (option.has(value)) {
        EXPECT_EQ(result.text.find(" is outside "), std::string::npos) << what;
        EXPECT_EQ(result.text.find(" is no "), std::string::npos) << what;
        continue;
      }
      ++refused;
      EXPECT_TRUE(named) << what;
      EXPECT_LT(result.text.size(), 600 + value.size()) << what;
      const bool outside =
          result.text.find(value + " is outside " + option.allowed) != std::string::npos;
      EXPECT_TRUE(outside || result.text.find(" is no ") != std::string::npos ||
                  (value.empty() && named))
          << what;
    }
  }
  std::printf("%zu options, %d inputs, %d refused\n", options.size(), inputs, refused);
}

}  // namespace
}  // namespace sphereface
