// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// `sphereface config`, and what a command says of a configuration that it refuses.

#include <gtest/gtest.h>

#include "base/atomic_file.h"
#include "base/temporary_folder.h"
#include "tests/support/config_fields.h"
#include "tests/support/process.h"

namespace sphereface {
namespace {

using testing::Finished;

Finished sphereface(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), testing::program("sphereface"));
  return testing::runCommand(arguments);
}

TEST(ConfigCommand, TheDocumentIsWhatItPrints) {
  EXPECT_TRUE(sphereface({"config", "--markdown"}).output ==
              readFile(SPHEREFACE_SOURCE "/docs/configuration.md"))
      << "build/bin/sphereface config --markdown > docs/configuration.md makes it anew";
}

TEST(ConfigCommand, NamesEveryNumberWithItsRange) {
  for (const std::vector<std::string>& asked :
       {std::vector<std::string>{"config"}, {"config", "--help"}, {"--help", "config"}}) {
    const Finished told = sphereface(asked);
    EXPECT_EQ(told.code, 0);
    for (const testing::NumberField& field : testing::numberFields()) {
      const size_t row = told.output.find("\n" + field.path.substr(0, field.path.find("[0]")));
      ASSERT_NE(row, std::string::npos) << field.path;
      EXPECT_NE(told.output.find(" in " + field.allowed, row), std::string::npos) << field.path;
    }
    EXPECT_NE(told.output.find("\nsolver.momentum  double in [0, 1), default 0.9\n"),
              std::string::npos)
        << told.output;
    EXPECT_NE(told.output.find("\nhead.type  A_SOFTMAX, SOFTMAX, "), std::string::npos);
    EXPECT_NE(told.output.find("\n    Mirror each image with probability 1/2.\n"),
              std::string::npos);
  }
}

TEST(ConfigCommand, NoVerbTakesANumberThatIsOutside) {
  const TemporaryFolder folder;
  const std::filesystem::path file = folder / "c.textproto";
  writeFileAtomically(file, testing::configWith("solver", "momentum: ?", "inf"));
  for (const char* verb : {"train", "plan", "doctor"}) {
    const Finished in_file = sphereface({verb, "--config", file});
    EXPECT_EQ(in_file.code, 2) << in_file.output;
    EXPECT_NE(in_file.output.find(file.string() + ":4: solver.momentum: inf is outside [0, 1)\n"),
              std::string::npos)
        << in_file.output;
    EXPECT_EQ(in_file.output.find("mpirun"), std::string::npos) << in_file.output;
    const Finished set = sphereface({verb, "--config", file, "--set", "solver.momentum=nan"});
    EXPECT_EQ(set.code, 2) << set.output;
    EXPECT_NE(set.output.find("--set solver.momentum=nan: solver.momentum: nan is outside [0, 1)"),
              std::string::npos)
        << set.output;
  }
}

}  // namespace
}  // namespace sphereface
