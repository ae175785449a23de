// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/feature_source.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>

#include "base/json.h"
#include "evaluation/devkit_feature.h"
#include "tests/support/evaluation_support.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

constexpr const char* kEnding = "_net.bin";

FeatureSet sample() {
  FeatureSet features;
  features.rows = 200;
  features.dim = 7;
  features.model_sha256 = "abc";
  for (size_t i = 0; i < features.rows; ++i)
    features.names.push_back(concat(i % 10, "/u@N00/", i, "_0.jpg"));
  for (size_t i = 0; i < features.rows * features.dim; ++i)
    features.values.push_back(0.25F * static_cast<float>(i));
  return features;
}

std::string message(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

void expectWords(const std::function<void()>& action, const std::string& words) {
  EXPECT_NE(message(action).find(words), std::string::npos) << message(action);
}

/// As the file must be in bytes.
std::string devkitBytes(int32_t rows, int32_t columns, int32_t stride, int32_t type,
                        const std::vector<float>& values) {
  std::string bytes;
  for (const int32_t number : {rows, columns, stride, type})
    bytes.append(reinterpret_cast<const char*>(&number), 4);
  return bytes.append(reinterpret_cast<const char*>(values.data()), 4 * values.size());
}

TEST(FeatureSource, ReadsAllThreeFormatsInTheOrderOfTheList) {
  const TemporaryFolder folder;
  const FeatureSet features = sample();
  writeFeatures(folder / "f.sff", features);
  writeFeatures(folder / "f.npy", features);
  writeDevkitFeatures(folder / "devkit", kEnding, features);
  const std::vector<std::string> forward = features.names;
  const std::vector<std::string> mixed = {forward[7], forward[8], forward[9], forward[3],
                                          forward[199]};
  for (const char* root : {"f.sff", "f.npy", "devkit"}) {
    for (const std::vector<std::string>& names : {forward, mixed}) {
      const FeatureSource source = openFeatures(folder / root, kEnding, names, 2);
      ASSERT_EQ(source.dim, 7U);
      EXPECT_EQ(source.names, names) << root;
      std::vector<float> rows(names.size() * 7);
      source.read(0, names.size(), rows.data());
      for (size_t i = 0; i < names.size(); ++i) {
        const size_t row = names == forward ? i : std::array<size_t, 5>{7, 8, 9, 3, 199}[i];
        EXPECT_TRUE(std::equal(features.row(row).begin(), features.row(row).end(),
                               rows.begin() + static_cast<std::ptrdiff_t>(7 * i)))
            << root << " " << names[i];
      }
      source.read(2, 1, rows.data());
      EXPECT_EQ(rows[0], features.row(names == forward ? 2 : 9)[0]);
      const FeatureSource some = selectFeatures(source, {4, 1, 2});
      EXPECT_EQ(some.names[0], names[4]);
      some.read(1, 2, rows.data());
      EXPECT_EQ(rows[7], features.row(names == forward ? 2 : 9)[0]);
    }
  }
  EXPECT_EQ(openFeatures(folder / "f.npy", kEnding, mixed, 1).model_sha256, "abc");
  // The kit's driver writes lists of whole paths.
  const std::string whole = concat((folder / "devkit" / forward[5]).string(), kEnding);
  float first = 0;
  std::vector<float> row(7);
  openFeatures("", kEnding, {whole}, 1).read(0, 1, row.data());
  std::memcpy(&first, row.data(), 4);
  EXPECT_EQ(first, features.row(5)[0]);
}

TEST(FeatureSource, NamesMissingImages) {
  const TemporaryFolder folder;
  FeatureSet features = sample();
  writeFeatures(folder / "f.sff", features);
  writeDevkitFeatures(folder / "devkit", kEnding, features);
  const std::vector<std::string> names = {features.names[0], "a/b/c.jpg", "a/b/d.jpg"};
  expectWords([&] { openFeatures(folder / "f.sff", kEnding, names, 1); },
              "of 3 images 2 are missing");
  expectWords([&] { openFeatures(folder / "devkit", kEnding, names, 1); },
              "2 of 3 feature files are missing, the first is ");
  expectWords([&] { openFeatures(folder / "devkit", kEnding, names, 1); }, "a/b/c.jpg_net.bin");
}

TEST(FeatureSource, RefusesDamagedFilesByName) {
  const TemporaryFolder folder;
  FeatureSet features = sample();
  writeFeatures(folder / "f.sff", features);
  std::string bytes = readFile(folder / "f.sff");
  writeFileAtomically(folder / "cut.sff", bytes.substr(0, bytes.size() - 100));
  expectWords([&] { openFeatures(folder / "cut.sff", "", features.names, 1); },
              "cut.sff: its header promises 200 rows of 7 floats");
  bytes[bytes.size() - 1000] ^= 1;
  writeFileAtomically(folder / "changed.sff", bytes);
  expectWords([&] { openFeatures(folder / "changed.sff", "", features.names, 1); },
              "changed.sff: is corrupt");
  // A .npy of another program may hold anything.
  writeFeatures(folder / "f.npy", features);
  bytes = readFile(folder / "f.npy");
  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::memcpy(bytes.data() + bytes.size() - 4, &nan, 4);
  writeFileAtomically(folder / "f.npy", bytes);
  writeJsonFile(folder / "f.npy.json", {{"names", features.names}});
  expectWords([&] { openFeatures(folder / "f.npy", "", features.names, 1); },
              concat("row 199 (", features.names[199], ") is not finite"));
}

TEST(DevkitFeature, BytesAreTheDocumentedOnes) {
  const std::vector<float> feature = {1, 2, 3};
  EXPECT_EQ(devkitFeatureBytes(feature), devkitBytes(3, 1, 4, 5, feature));
}

TEST(DevkitFeature, ReadsTheTypeOfItsLowBitsAndRefusesTheRestByName) {
  const TemporaryFolder folder;
  const fs::path file = folder / "x.bin";
  const std::vector<float> feature = {1, 2, 3};
  // OpenCV keeps flags in the upper bits.
  writeFileAtomically(file, devkitBytes(3, 1, 4, 0x42FF4005, feature));
  EXPECT_EQ(readDevkitFeature(file), feature);
  const auto refused = [&](const std::string& bytes, const std::string& words) {
    writeFileAtomically(file, bytes);
    expectWords([&] { readDevkitFeature(file); }, "x.bin: ");
    expectWords([&] { readDevkitFeature(file); }, words);
  };
  refused("", "0 bytes, a header has 16");
  refused(devkitBytes(3, 1, 4, 6, feature), "but is 3 x 1, stride 4, type 6");
  refused(devkitBytes(1, 3, 12, 5, feature), "but is 1 x 3, stride 12, type 5");
  refused(devkitBytes(-3, 1, 4, 5, feature), "but is -3 x 1");
  refused(devkitBytes(4, 1, 4, 5, feature), "28 bytes, its header promises 4 floats and so 32");
  refused(devkitBytes(2, 1, 4, 5, feature), "28 bytes, its header promises 2 floats and so 24");
  refused(devkitBytes(3, 1, 4, 5, {1, std::numeric_limits<float>::infinity(), 3}),
          "number 1 is inf");
}

TEST(DevkitFeature, OneOfAnotherLengthIsNamedWhenItIsRead) {
  const TemporaryFolder folder;
  const FeatureSet features = sample();
  writeDevkitFeatures(folder / "devkit", kEnding, features);
  const std::string odd = concat(features.names[3], kEnding);
  writeFileAtomically(folder / "devkit" / odd, devkitFeatureBytes(std::vector<float>{1, 2}));
  const FeatureSource source = openFeatures(folder / "devkit", kEnding, features.names, 1);
  std::vector<float> rows(features.values.size());
  expectWords([&] { source.read(0, features.rows, rows.data()); },
              concat(odd, ": 2 numbers, but "));
}

TEST(DevkitFeature, FoldersAppearWholeOrNotAtAll) {
  const TemporaryFolder folder;
  FeatureSet features = sample();
  features.names[5] = "../../out.jpg";
  expectWords([&] { writeDevkitFeatures(folder / "devkit", kEnding, features); }, "leads out of");
  EXPECT_TRUE(fs::is_empty(folder / ""));
}

}  // namespace
}  // namespace sphereface
