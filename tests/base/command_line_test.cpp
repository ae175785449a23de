// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "base/command_line.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"

namespace sphereface {
namespace {

/// A program with a verb of every kind of option.
class CommandLineTest : public ::testing::Test {
 protected:
  CommandLineTest() {
    program_.needVerb();
    const Command verb = program_.verb("paint", "Paint a wall");
    verb.required("--wall", &wall_, "Which");
    verb.setting("--coats", {&coats_, "[1, 9]"}, "How many");
    verb.option("--colours", &colours_, "Which").repeated();
    const Option ladder = verb.flag("--ladder", &ladder_, "Take one");
    verb.option("--height", {&height_, "(0, 100] metres"}, "How high").needs(ladder);
    verb.choice(
        "--tool", {{"brush", 3}, {"roller", 4}}, [this](int tool) { tool_ = tool; }, "Which");
    const Command time = verb.atMostOneOf("When");
    time.option("--day", &day_, "Which").oneOf({"monday", "friday"});
    time.option("--hour", {&hour_, "[0, 23]"}, "Which");
    verb.action([this] { ++painted_; });
    const Command rest = program_.verb("rest", "Rest");
    rest.actionWithCode([] { return 42; });
    program_.verb("fall", "Fall").action([] { throw Error("fallen"); });
  }

  std::optional<int> parse(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "painter");
    std::vector<char*> argv;
    argv.reserve(arguments.size());
    for (std::string& argument : arguments)
      argv.push_back(argument.data());
    return program_.parse(static_cast<int>(argv.size()), argv.data(), true);
  }

  const Program program_{"painter", "Paints.", "painter 1"};
  std::filesystem::path wall_;
  int coats_ = 2;
  std::vector<std::string> colours_;
  bool ladder_ = false;
  double height_ = 0;
  int tool_ = 0;
  std::string day_;
  uint64_t hour_ = 0;
  int painted_ = 0;
};

TEST_F(CommandLineTest, TakesValuesAndActs) {
  EXPECT_EQ(parse({"paint", "--wall", "north", "--coats", "3", "--colours", "red", "--colours",
                   "blue", "--ladder", "--height", "2.5", "--tool", "roller", "--hour", "17"}),
            std::nullopt);
  EXPECT_EQ(painted_, 1);
  EXPECT_EQ(wall_, "north");
  EXPECT_EQ(coats_, 3);
  EXPECT_EQ(colours_, (std::vector<std::string>{"red", "blue"}));
  EXPECT_TRUE(ladder_);
  EXPECT_EQ(height_, 2.5);
  EXPECT_EQ(tool_, 4);
  EXPECT_EQ(hour_, 17U);
}

TEST_F(CommandLineTest, LeavesWhatIsNotGiven) {
  EXPECT_EQ(parse({"paint", "--wall", "north"}), std::nullopt);
  EXPECT_EQ(coats_, 2);
  EXPECT_EQ(tool_, 0);
  EXPECT_TRUE(colours_.empty());
}

TEST_F(CommandLineTest, RefusesWhatMakesNoSense) {
  const std::vector<std::vector<std::string>> wrong = {
      {},
      {"plaster"},
      {"paint"},
      {"paint", "--wall"},
      {"paint", "--wall", "north", "south"},
      {"paint", "--wall", "north", "--roof"},
      {"paint", "--wall", "north", "--coats", "0"},
      {"paint", "--wall", "north", "--coats", "many"},
      {"paint", "--wall", "north", "--colours", "red", "blue"},
      {"paint", "--wall", "north", "--height", "2"},
      {"paint", "--wall", "north", "--ladder", "--height", "0"},
      {"paint", "--wall", "north", "--tool", "spoon"},
      {"paint", "--wall", "north", "--day", "sunday"},
      {"paint", "--wall", "north", "--day", "monday", "--hour", "17"}};
  for (const std::vector<std::string>& arguments : wrong) {
    EXPECT_EQ(parse(arguments), kExitUsage) << ::testing::PrintToString(arguments);
  }
  EXPECT_EQ(painted_, 0);
}

TEST_F(CommandLineTest, HelpAndVersionEndTheProgramWell) {
  EXPECT_EQ(parse({"--help"}), kExitDone);
  EXPECT_EQ(parse({"--version"}), kExitDone);
  EXPECT_EQ(parse({"paint", "--help"}), kExitDone);
  EXPECT_EQ(painted_, 0);
}

TEST_F(CommandLineTest, AnActionMayEndTheProgramOrThrow) {
  EXPECT_EQ(parse({"rest"}), 42);
  EXPECT_THROW(parse({"fall"}), Error);
}

TEST_F(CommandLineTest, KnowsItsVerbs) {
  EXPECT_TRUE(program_.hasVerb("rest"));
  EXPECT_FALSE(program_.hasVerb("plaster"));
  EXPECT_FALSE(program_.hasVerb(""));
}

}  // namespace
}  // namespace sphereface
