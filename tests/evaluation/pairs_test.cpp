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

/// `count` lines of one kind, as pairs.txt has them, with `between` the fields.
std::string lfwLines(int count, bool same, const std::string& between, int first = 0) {
  std::string text;
  for (int i = first; i < first + count; ++i) {
    text += same ? concat("P", i, between, 1, between, 2)
                 : concat("P", i, between, 1, between, "Q", i, between, 3);
    text += same && between == "," ? ",\r\n" : "\n";
  }
  return text;
}

/// Ten folds of either kind: each threshold is chosen on both.
TEST(Pairs, ReadsLfwsViewOne) {
  const PairList list = parse("12\n" + lfwLines(12, true, "\t") + lfwLines(12, false, "\t"));
  ASSERT_EQ(list.pairs.size(), 24U);
  EXPECT_EQ(list.folds, 10U);
  for (size_t i = 0; i < 12; ++i) {
    const size_t fold = i < 4 ? i / 2 : i - 2;
    EXPECT_TRUE(list.pairs[i].same);
    EXPECT_FALSE(list.pairs[12 + i].same);
    EXPECT_EQ(list.pairs[i].fold, fold) << i;
    EXPECT_EQ(list.pairs[12 + i].fold, fold) << i;
    EXPECT_EQ(list.pairs[12 + i].right, concat("Q", i, "/Q", i, "_0003"));
  }
  const std::string good = lfwLines(10, true, " ") + lfwLines(10, false, " ");
  EXPECT_EQ(parse("10\n" + good).pairs.size(), 20U);
  expectFailure("9\n" + good, "11: expected NAME I OTHER J");
  expectFailure("11\n" + good, "12: expected NAME I J");
  expectFailure("10\n" + good + "P1 1 2\n", "22: more than the 20 pairs");
  expectFailure("9\n" + lfwLines(9, true, " ") + lfwLines(9, false, " "), "19: 9 matched pairs");
  expectFailure("10\n" + lfwLines(20, true, " "), "12: expected NAME I OTHER J");
}

TEST(Pairs, ReadsCsvAsTheListItIsMadeFrom) {
  const auto folds = [](const std::string& between) {
    std::string text;
    for (int fold = 0; fold < 3; ++fold)
      text += lfwLines(2, true, between, 10 * fold) + lfwLines(2, false, between, 10 * fold + 5);
    return text;
  };
  const PairList expected = parse("3 2\n" + folds("\t"));
  for (const std::string heading : {"name,imagenum1,imagenum2,\n", "name,imagenum1,imagenum2,\r\n",
                                    "\"name\",\"imagenum1\",\"imagenum2\",\"\"\n"}) {
    const PairList list = parse(heading + folds(","));
    EXPECT_EQ(list.folds, 3U);
    ASSERT_EQ(list.pairs.size(), expected.pairs.size());
    for (size_t i = 0; i < list.pairs.size(); ++i) {
      EXPECT_EQ(list.pairs[i].left, expected.pairs[i].left);
      EXPECT_EQ(list.pairs[i].right, expected.pairs[i].right);
      EXPECT_EQ(list.pairs[i].same, expected.pairs[i].same);
      EXPECT_EQ(list.pairs[i].fold, expected.pairs[i].fold);
    }
  }
  const std::string heading = "name,imagenum1,imagenum2,\n";
  expectFailure(heading, "1: matched and mismatched pairs must alternate");
  expectFailure(heading + lfwLines(20, true, ","), "21: matched and mismatched pairs must");
  expectFailure(heading + folds(",") + "P1,1,2,\n", "14: matched and mismatched pairs must");
  expectFailure(heading + "P1,1,2,\nP1,1,P2,2,9\n", "3: expected NAME,I,J or NAME,I,OTHER,J");
  expectFailure(heading + "P1,1,two,\n", "2: 'two' is no number");
}

TEST(Pairs, ReadsPlainListsAsCsv) {
  std::string lines;
  std::string flags_first;
  for (int i = 0; i < 20; ++i) {
    lines += concat("a b/", i, ".jpg,\"q/", i, ".png\", ", i % 2, "\n");
    flags_first += concat(i % 2, ",a b/", i, ".jpg,q/", i, ".png\n");
  }
  for (const std::string& text :
       {lines, "left,right,same\n" + lines, flags_first, "issame,path1,path2\n" + flags_first}) {
    const PairList list = parse(text);
    ASSERT_EQ(list.pairs.size(), 20U);
    EXPECT_EQ(list.pairs[7].left, "a b/7");
    EXPECT_EQ(list.pairs[7].right, "q/7");
    EXPECT_TRUE(list.pairs[7].same);
  }
  expectFailure("left,right,same\n", "1: expected A,B,SAME");
  expectFailure("left,right,same\nx,y,1\nx,y\n", "3: expected `A B SAME`, found 2 fields");
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
  expectFailure("10\n", "1: ends after 0 of 20 pairs");
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
