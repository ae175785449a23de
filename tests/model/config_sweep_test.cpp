// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Every number of a configuration at and beyond its ends, by the descriptors: what its range has is
// never called outside, what it hasn't is refused with place, field, value and range.

#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "base/error.h"
#include "base/temporary_folder.h"
#include "model/train_config.h"
#include "tests/support/config_fields.h"

namespace sphereface {
namespace {

using google::protobuf::FieldDescriptor;
using testing::NumberField;

class ConfigSweep : public ::testing::Test {
 protected:
  std::string errorOf(const std::string& text, const std::vector<std::string>& overrides) const {
    std::ofstream(file_) << text;
    try {
      loadTrainConfig(file_, overrides);
    } catch (const UsageError& e) {
      return e.what();
    }
    return "";
  }

  /// What came of a value: `error`, with the place it has to begin with.
  void judge(const NumberField& field, const std::string& value, const std::string& place,
             const std::string& error) {
    ++inputs_;
    const std::string what = place + ", " + value;
    if (field.has(value)) {
      EXPECT_EQ(error.find("is outside"), std::string::npos) << what << ": " << error;
      error.empty() ? ++loaded_ : ++against_rules_;
      return;
    }
    ++refused_;
    EXPECT_EQ(error.find(place), 0U) << what << ": " << error;
    if (!field.readable(value)) return;  // the parser's own message
    EXPECT_NE(error.find(concat(": ", field.path, field.list ? "[0]" : "", ": ")),
              std::string::npos)
        << what << ": " << error;
    EXPECT_NE(error.find(" is outside " + field.allowed), std::string::npos)
        << what << ": " << error;
    // It is printed as a number of the same value.
    const std::string shown = error.substr(0, error.find(" is outside "));
    const long double printed = field.number(shown.substr(shown.rfind(' ') + 1));
    const long double meant = field.number(value);
    EXPECT_TRUE(printed == meant || (std::isnan(printed) && std::isnan(meant))) << error;
  }

  const TemporaryFolder folder_;
  const std::filesystem::path file_ = folder_ / "c.textproto";
  int inputs_ = 0;
  int loaded_ = 0;
  int against_rules_ = 0;
  int refused_ = 0;
};

TEST_F(ConfigSweep, EveryNumberIsAcceptedOrRefusedAsItsRangeSays) {
  const std::vector<NumberField> fields = testing::numberFields();
  for (const NumberField& field : fields) {
    for (const std::string& value : field.values()) {
      if (std::isnan(field.number(value))) {
        EXPECT_FALSE(field.has(value));
      }
      const std::string setting = field.setting(value);
      judge(field, value, "--set " + setting, errorOf(testing::configWith("", "", ""), {setting}));
      const std::string text = testing::configWith(field.block, field.within, value);
      judge(field, value, file_.string() + ":4:", errorOf(text, {}));
    }
  }
  std::printf("%zu fields, %d inputs: %d loaded, %d against a rule between fields, %d refused\n",
              fields.size(), inputs_, loaded_, against_rules_, refused_);
  EXPECT_GT(fields.size(), 50U);
  EXPECT_GT(loaded_, 0);
  EXPECT_GT(refused_, inputs_ / 3);
}

TEST(ConfigSchema, DefaultsAreAllowed) {
  for (const NumberField& field : testing::numberFields()) {
    if (field.descriptor->has_default_value()) {
      EXPECT_TRUE(field.has(field.standard())) << field.path;
    }
  }
}

}  // namespace
}  // namespace sphereface
