// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "proto/text_format.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "proto/config.pb.h"
#include "proto/manifest.pb.h"

namespace sphereface {
namespace {

std::string failure(const std::string& text) {
  TrainConfig config;
  try {
    parseText(text, "train.cfg", config);
  } catch (const UsageError& e) {
    return e.what();
  }
  return "";
}

TEST(TextFormat, PrintsWhatItParses) {
  DatasetManifest manifest;
  manifest.set_records(3);
  manifest.add_identity()->set_name("J\xc3\xb6rg \"x\"\n");
  DatasetManifest again;
  parseText(printText(manifest), "manifest", again);
  EXPECT_EQ(again.SerializeAsString(), manifest.SerializeAsString());
}

TEST(TextFormat, NamesThePlaceOfAMistake) {
  EXPECT_EQ(failure("solver {\n  steps: banana\n}\n"),
            "train.cfg:2:10: Expected integer, got: banana");
  EXPECT_EQ(failure("solver {\n  steps: 1\n").substr(0, 14), "train.cfg:3:1:");
  EXPECT_NE(failure("solver { steps: 1 steps: 2 }").find("multiple times"), std::string::npos);
}

TEST(TextFormat, SuggestsTheFieldThatWasMeant) {
  EXPECT_NE(failure("solver { base_learnig_rate: 1 }").find("Did you mean \"base_learning_rate\"?"),
            std::string::npos);
  EXPECT_EQ(failure("solver { qqqqqqqqqqq: 1 }").find("Did you mean"), std::string::npos);
}

TEST(TextFormat, NamesAFileThatIsMissing) {
  TrainConfig config;
  try {
    parseTextFile("/nowhere/train.cfg", config);
    FAIL();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("/nowhere/train.cfg"), std::string::npos);
  }
}

}  // namespace
}  // namespace sphereface
