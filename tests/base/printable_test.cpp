// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "base/printable.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace sphereface {
namespace {

using namespace std::string_view_literals;

TEST(Printable, LeavesTextOfAnyLanguage) {
  for (const std::string_view text :
       {""sv, "a b\tc"sv, "J\xc3\xb6rg \xe4\xbd\xa0\xe5\xa5\xbd \xf0\x9f\x98\x80 \xc2\xa0"sv,
        "\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf"sv, "back\\x1bslash"sv}) {
    EXPECT_EQ(printable(text), text);
    EXPECT_EQ(printableLine(text), text);
  }
}

TEST(Printable, ShowsControlCharacters) {
  EXPECT_EQ(printable("a\x1b[2J\x07\r\x7f\0b"sv), "a\\x1b[2J\\x07\\x0d\\x7f\\x00b");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m\xc2\x80\xc2\x9f"),
            "\\xc2\\x9b31m\\xc2\\x80\\xc2\\x9f");
  EXPECT_EQ(printable("two\nlines"), "two\nlines");
  EXPECT_EQ(printableLine("two\nlines\t"), "two\\x0alines\t");
}

TEST(Printable, ShowsWhatIsNoUtf8) {
  EXPECT_EQ(printable("\x9b"
                      "31m"),
            "\\x9b31m");
  EXPECT_EQ(printable("J\xf6rg"), "J\\xf6rg");
  EXPECT_EQ(printable("\xc3"), "\\xc3") << "ends within a character";
  EXPECT_EQ(printable("\xe4\xbd"), "\\xe4\\xbd");
  EXPECT_EQ(printable("\xc0\x9b"), "\\xc0\\x9b") << "an escape in too long a form";
  EXPECT_EQ(printable("\xe0\x82\x9b"), "\\xe0\\x82\\x9b");
  EXPECT_EQ(printable("\xf0\x80\x82\x9b"), "\\xf0\\x80\\x82\\x9b");
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80") << "a surrogate";
  EXPECT_EQ(printable("\xf4\x90\x80\x80\xff"), "\\xf4\\x90\\x80\\x80\\xff");
}

TEST(Printable, IsWhatJsonMakesOfNames) {
  const std::string text = jsonText(Json{{"name", "\x1b[2J \x7f \xc2\x9b \xff"}});
  EXPECT_EQ(printable(text), text);
  EXPECT_EQ(parseJson(text).at("name"), "\x1b[2J \x7f \xc2\x9b \xef\xbf\xbd");
}

}  // namespace
}  // namespace sphereface
