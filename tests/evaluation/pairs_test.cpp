// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/pairs.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/evaluation_support.h"
#include "tests/support/shared_data.h"

namespace sphereface {
namespace {

constexpr const char* kSmall =
    "\xef\xbb\xbf"  // a byte order mark
    "2\t1\n"
    "Ann\t1\t4\n"
    "Ann\t12\tBob\t10000\n"
    "Cid 2 3\r\n"
    "Cid  1 Dee\t1\n";

PairList parse(const std::string& text) {
  const TemporaryFolder folder;
  writeFileAtomically(folder / "pairs.txt", text);
  return readPairs(folder / "pairs.txt");
}

/// The message must name the line.
void expectFailure(const std::string& text, const std::string& words) {
  try {
    parse(text);
    ADD_FAILURE() << "was read: " << text;
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("pairs.txt:" + words), std::string::npos) << e.what();
  }
}

TEST(Pairs, ReadsTabsAndSpaces) {
  const PairList list = parse(kSmall);
  ASSERT_EQ(list.folds, 2U);
  ASSERT_EQ(list.pairs.size(), 4U);
  EXPECT_EQ(list.pairs[0].left, "Ann/Ann_0001");
  EXPECT_EQ(list.pairs[0].right, "Ann/Ann_0004");
  EXPECT_TRUE(list.pairs[0].same);
  EXPECT_EQ(list.pairs[1].left, "Ann/Ann_0012");
  EXPECT_EQ(list.pairs[1].right, "Bob/Bob_10000");
  EXPECT_FALSE(list.pairs[1].same);
  EXPECT_EQ(list.pairs[1].fold, 0U);
  EXPECT_EQ(list.pairs[2].right, "Cid/Cid_0003");
  EXPECT_EQ(list.pairs[3].fold, 1U);
}

TEST(Pairs, ReadsPlainListsInBothOrders) {
  std::string trailing;
  std::string leading;
  for (int i = 0; i < 13; ++i) {
    const std::string a = concat("p", i, "/x.1.jpg");
    const std::string b = concat("./q", i, "/y.png");
    trailing += concat(a, "\t", b, " ", i % 2, "\r\n");
    leading += concat(i % 2, " ", a, " ", b, "\n\n");
  }
  for (const std::string& text : {trailing, leading}) {
    const PairList list = parse(text);
    EXPECT_EQ(list.folds, 10U);
    ASSERT_EQ(list.pairs.size(), 13U);
    EXPECT_EQ(list.pairs[4].left, "p4/x.1");
    EXPECT_EQ(list.pairs[4].right, "q4/y");
    for (size_t i = 0; i < 13; ++i)
      EXPECT_EQ(list.pairs[i].same, i % 2 == 1);
    // 13 pairs in ten folds: three of two, seven of one.
    EXPECT_EQ(list.pairs[5].fold, 2U);
    EXPECT_EQ(list.pairs[6].fold, 3U);
    EXPECT_EQ(list.pairs[12].fold, 9U);
  }
}

TEST(Pairs, SaysWhichPlainLineIsWrong) {
  expectFailure("a b 1\n", "1: 1 pairs make no ten folds");
  expectFailure("a b 1\nc d 2\n", "2: '2', SAME of `A B SAME`, is neither 0 nor 1");
  expectFailure("1 a b\nx c d\n", "2: 'x', SAME of `SAME A B`, is neither 0 nor 1");
  expectFailure("a b c\n", "1: 'a', SAME of `SAME A B`, is neither 0 nor 1");
  expectFailure("a b 1\na b c 1\n", "2: expected `A B SAME`, found 4 fields");
  expectFailure("a b c d\n", "1: expected a first line");
}

TEST(Pairs, SaysWhichLineIsWrong) {
  expectFailure("", "0: expected a first line");
  expectFailure("10\n", "1: expected a first line");
  expectFailure("x 1\n", "1: 'x' is no number");
  expectFailure("0 1\n", "1: '0' is no number");
  expectFailure("1 1\nAnn 1 2\n", "2: ends after 1 of 2");
  expectFailure("1 1\nAnn 1 2\nAnn 1 2\n", "3: expected NAME I OTHER J");
  expectFailure("1 1\nAnn 1 Bob 2\nAnn 1 Bob 2\n", "2: expected NAME I J");
  expectFailure("1 1\nAnn 1 2b\nAnn 1 Bob 2\n", "2: '2b' is no number");
  expectFailure("1 1\nAnn 1 -2\nAnn 1 Bob 2\n", "2: '-2' is no number");
  expectFailure("1 1\nAnn 1 2\nAnn 1 Ann 2\n", "3: a mismatched pair of one person");
  expectFailure("1 1\n../Ann 1 2\nAnn 1 Bob 2\n", "2: '../Ann' is no name");
  expectFailure("1 1\n\nAnn 1 2\nAnn 1 Bob 2\n", "2: expected NAME I J");
  expectFailure("1 1\nAnn 1 2\nAnn 1 Bob 2\nAnn 1 2\n", "4: more than the 2 pairs");
  expectFailure("1000000 1000000\nAnn 1 2\n", "2: ends after 1 of");
}

TEST(Pairs, LocatesImagesWhateverTheirSuffix) {
  const std::vector<std::string> images = {"Ann/Ann_0001", "Bob/Bob_0001"};
  const std::vector<std::string> names = {"Bob/Bob_0001.JPG", "Cid/Cid_0001.png", "Ann/Ann_0001"};
  EXPECT_EQ(locateImages(images, names, "here"), (std::vector<size_t>{2, 0}));
}

TEST(Pairs, MissingAndAmbiguousImagesAreErrorsThatNameThem) {
  std::vector<std::string> images(9);
  for (size_t i = 0; i < images.size(); ++i) {
    images[i] = concat("Ann/Ann_000", i);
  }
  const std::vector<std::string> names = {"Ann/Ann_0000.jpg", "Ann/Ann_0003.jpg",
                                          "Ann/Ann_0003.png"};
  try {
    locateImages(images, names, "folder");
    ADD_FAILURE() << "was accepted";
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(),
                 "folder: of 9 images 7 are missing and 1 are there more than once: "
                 "Ann/Ann_0001, Ann/Ann_0002, Ann/Ann_0003, Ann/Ann_0004, Ann/Ann_0005, ...");
  }
}

TEST(Pairs, ReadsTheOfficialLfwList) {
  const std::filesystem::path file = sharedData("lfw_pairs.txt");
  SPHEREFACE_NEEDS(file);
  const PairList list = readPairs(file);
  EXPECT_EQ(list.sha256, "ea42330c62c92989f9d7c03237ed5d591365e89b3e649747777b70e692dc1592");
  EXPECT_EQ(list.folds, 10U);
  EXPECT_EQ(list.pairs.size(), 6000U);
  EXPECT_EQ(distinctImages(list).size(), 7701U);
  EXPECT_EQ(std::count_if(list.pairs.begin(), list.pairs.end(), [](auto& p) { return p.same; }),
            3000);
  EXPECT_EQ(list.pairs[0].right, "Abel_Pacheco/Abel_Pacheco_0004");
  EXPECT_EQ(list.pairs[300].left, "Abdel_Madi_Shabneh/Abdel_Madi_Shabneh_0001");
  EXPECT_EQ(list.pairs[300].right, "Dean_Barker/Dean_Barker_0001");
  for (size_t i = 0; i < 6000; ++i)
    EXPECT_EQ(list.pairs[i].fold, i / 600);
}

}  // namespace
}  // namespace sphereface
