// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "base/json.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>

namespace sphereface {
namespace {

std::string errorOf(const std::function<void()>& work) {
  try {
    work();
  } catch (const JsonError& error) {
    return error.what();
  }
  return "none";
}

TEST(Json, IsWrittenInTheOrderOfItsKeys) {
  Json json = {{"z", 1}, {"a", {1.0, -2, 3U, true, nullptr}}, {"empty", Json::object()}};
  json["m"]["deep"].push_back("text");
  json.update({{"a", {0.1, 1e-7}}, {"new", Json::array({"x", 1})}});
  EXPECT_EQ(jsonText(json),
            R"({"z":1,"a":[0.1,1e-07],"empty":{},"m":{"deep":["text"]},"new":["x",1]})");
  json.erase("z");
  json.erase("m");
  EXPECT_EQ(jsonText(json, 1), R"({
 "a": [
  0.1,
  1e-07
 ],
 "empty": {},
 "new": [
  "x",
  1
 ]
})");
}

TEST(Json, NumbersAndTextsAreWrittenAsTheyAreRead) {
  const std::string text =
      R"([0,-1,18446744073709551615,-9223372036854775808,1.0,0.1,1e+300,null,"ä\n\"\u0001",false])";
  EXPECT_EQ(jsonText(parseJson(text)), text);
  EXPECT_EQ(jsonText(std::numeric_limits<double>::infinity()), "null");
  EXPECT_EQ(jsonText("a\xff"), "\"a\xef\xbf\xbd\"");
  EXPECT_NE(errorOf([] { strictJsonText("a\xff"); }).find("invalid UTF-8 byte"), std::string::npos);
}

TEST(Json, OfAKeyThatComesAgainTheLastValueCounts) {
  EXPECT_EQ(jsonText(parseJson(R"({"a":{"x":1},"b":[1,{"c":2}],"a":[true,null]})")),
            R"({"a":[true,null],"b":[1,{"c":2}]})");
}

TEST(Json, AListOfPairsWithTextsInFrontIsAnObject) {
  EXPECT_TRUE(Json({{"a", 1}, {"b", {1, 2}}}).is_object());
  EXPECT_TRUE(Json({{"a", 1}, {2, 3}}).is_array());
  EXPECT_TRUE(Json::array({{"a", 1}, {"b", 2}}).is_array());
  EXPECT_EQ(Json(std::vector<std::vector<int>>{{1, 2}, {}}), parseJson("[[1, 2], []]"));
}

TEST(Json, NumbersAreComparedByTheirValues) {
  EXPECT_EQ(Json(3), Json(3U));
  EXPECT_EQ(Json(3), Json(3.0));
  EXPECT_NE(Json(3), Json(3.5));
  EXPECT_NE(Json(3), Json("3"));
  EXPECT_LT(Json(3), Json(3.5));
  EXPECT_FALSE(Json("a") < Json("b"));
}

TEST(Json, SaysWhatItIsNot) {
  const Json json = {{"n", 1.5}, {"list", {1, 2}}, {"text", "t"}};
  EXPECT_EQ(json.at("list").get<std::vector<size_t>>(), (std::vector<size_t>{1, 2}));
  EXPECT_EQ(json.value("n", 0), 1);
  EXPECT_EQ(json.value("none", "no"), "no");
  EXPECT_EQ(errorOf([&] { json.at("none"); }),
            "[json.exception.out_of_range.403] key 'none' not found");
  EXPECT_EQ(errorOf([&] { json.at("list").at(2); }),
            "[json.exception.out_of_range.401] array index 2 is out of range");
  EXPECT_EQ(errorOf([&] { json.at("text").at("a"); }),
            "[json.exception.type_error.304] cannot use at() with string");
  EXPECT_EQ(errorOf([&] { json.at("n").text(); }),
            "[json.exception.type_error.302] type must be string, but is number");
  EXPECT_EQ(errorOf([&] { json.at("text").get<double>(); }),
            "[json.exception.type_error.302] type must be number, but is string");
  EXPECT_EQ(errorOf([&] { json.at("list").value("a", 1); }),
            "[json.exception.type_error.306] cannot use value() with array");
}

TEST(Json, WhatIsNoJsonIsDiscardedAsIsWhatIsDeepBeyondUse) {
  EXPECT_TRUE(tryParseJson("{\"a\":").is_discarded());
  EXPECT_FALSE(tryParseJson("null").is_discarded());
  const auto nested = [](size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_FALSE(tryParseJson(nested(1000)).is_discarded());
  EXPECT_TRUE(tryParseJson(nested(1'000'000)).is_discarded());
}

}  // namespace
}  // namespace sphereface
