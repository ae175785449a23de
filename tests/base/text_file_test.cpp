// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "base/text_file.h"

#include <gtest/gtest.h>

#include <string_view>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/json.h"
#include "base/temporary_folder.h"

namespace sphereface {
namespace {

class TextFile : public ::testing::Test {
 protected:
  std::string read(std::string_view bytes) const {
    writeFileAtomically(file_, bytes);
    return readTextFile(file_);
  }

  const TemporaryFolder folder_;
  const std::filesystem::path file_ = folder_ / "list.txt";
};

TEST_F(TextFile, IsReadWithoutItsByteOrderMark) {
  EXPECT_EQ(read("\xef\xbb\xbfJ\xc3\xb6rg\n"), "J\xc3\xb6rg\n");
  EXPECT_EQ(read("J\xc3\xb6rg\n"), "J\xc3\xb6rg\n");
  EXPECT_EQ(read("\xef\xbb"), "\xef\xbb");
  EXPECT_EQ(read("a\xef\xbb\xbf"), "a\xef\xbb\xbf") << "only in front";
  EXPECT_EQ(read(""), "");
  EXPECT_EQ(read("\xef\xbb\xbf"), "");
}

TEST_F(TextFile, InWideCharactersIsRefused) {
  using namespace std::string_view_literals;
  for (const std::string_view bytes :
       {"\xff\xfe"
        "a\0"sv,
        "\xfe\xff\0a"sv, "\xff\xfe\0\0a\0\0\0"sv, "\0\0\xfe\xff\0\0\0a"sv}) {
    try {
      read(bytes);
      ADD_FAILURE();
    } catch (const Error& e) {
      EXPECT_EQ(std::string(e.what()),
                file_.string() + ": is UTF-16 or UTF-32 text; save it as UTF-8");
    }
  }
}

TEST_F(TextFile, OfJsonMayHaveAByteOrderMark) {
  writeFileAtomically(file_, "\xef\xbb\xbf{\"a\": 1}");
  EXPECT_EQ(readJsonFile(file_).at("a"), 1);
}

TEST_F(TextFile, ThatIsMissingIsNamed) {
  EXPECT_THROW(readTextFile(folder_ / "none"), Error);
}

}  // namespace
}  // namespace sphereface
