// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// LMDBs of Caffe's Datums as input, written here by the library itself, and what becomes of pixels.

#include "data/import/pack_input.h"

#include <gtest/gtest.h>
#include <lmdb.h>

#include "base/image_planes.h"
#include "base/random.h"
#include "base/sha256.h"
#include "data/dataset.h"
#include "data/lmdb_check.h"
#include "data/lmdb_file.h"
#include "data/loader.h"
#include "proto/caffe.pb.h"
#include "tests/support/packing_test_tools.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

/// As convert_imageset: one transaction for each 1000 records.
void writeCaffeLmdb(const fs::path& folder,
                    const std::vector<std::pair<std::string, std::string>>& records) {
  fs::create_directories(folder);
  MDB_env* env = nullptr;
  ASSERT_EQ(mdb_env_create(&env), 0);
  ASSERT_EQ(mdb_env_set_mapsize(env, size_t{1} << 30), 0);
  ASSERT_EQ(mdb_env_open(env, folder.c_str(), 0, 0664), 0);
  for (size_t begin = 0; begin < records.size(); begin += 1000) {
    MDB_txn* transaction = nullptr;
    ASSERT_EQ(mdb_txn_begin(env, nullptr, 0, &transaction), 0);
    MDB_dbi database = 0;
    ASSERT_EQ(mdb_dbi_open(transaction, nullptr, 0, &database), 0);
    for (size_t i = begin; i < std::min(begin + 1000, records.size()); ++i) {
      MDB_val key{records[i].first.size(), const_cast<char*>(records[i].first.data())};
      MDB_val value{records[i].second.size(), const_cast<char*>(records[i].second.data())};
      ASSERT_EQ(mdb_put(transaction, database, &key, &value, 0), 0);
    }
    ASSERT_EQ(mdb_txn_commit(transaction), 0);
  }
  mdb_env_close(env);
}

std::string encodedDatum(int label, const std::string& bytes) {
  caffe::Datum datum;
  datum.set_encoded(true);
  datum.set_label(label);
  datum.set_data(bytes);
  return datum.SerializeAsString();
}

std::string planarDatum(int label, const cv::Mat& image) {
  std::string planes(3 * image.total(), '\0');
  copyPlanes(image, reinterpret_cast<uint8_t*>(planes.data()));
  caffe::Datum datum;
  datum.set_channels(3);
  datum.set_height(image.rows);
  datum.set_width(image.cols);
  datum.set_label(label);
  datum.set_data(planes);
  return datum.SerializeAsString();
}

PackOptions optionsFor(const TemporaryFolder& folder, const std::string& input) {
  PackOptions options;
  options.input = folder / input;
  options.output = folder / "set";
  options.shuffle = false;
  options.force = true;
  options.threads = 2;
  return options;
}

void expectImages(const Dataset& set, size_t count) {
  ASSERT_EQ(set.size(), count);
  for (uint64_t i = 0; i < count; ++i) {
    EXPECT_EQ(cv::norm(set.read(i).image, testImage(static_cast<int>(i)), cv::NORM_INF), 0);
  }
}

TEST(CaffeImport, KeepsPixelsAndFilesAsTheyAre) {
  const TemporaryFolder folder;
  const std::string png = encodePng(testImage(1));
  // Line 1 of the list couldn't be read.
  writeCaffeLmdb(folder / "caffe", {{"00000000_0045/001.jpg", planarDatum(0, testImage(0))},
                                    {"00000002_0045/002.jpg", encodedDatum(0, png)},
                                    {"00000003_0099/001.jpg", planarDatum(1, testImage(2))}});
  const PackResult result = packDataset(optionsFor(folder, "caffe"));
  EXPECT_EQ(result.manifest.encoding(), DatasetManifest::MIXED);
  const Dataset set(folder / "set");
  expectImages(set, 3);
  EXPECT_EQ(set.key(1), "00000001_0045/002.jpg");
  EXPECT_EQ(set.label(2), 1);
  EXPECT_EQ(set.manifest().identity(1).name(), "0099");
  EXPECT_TRUE(contains(readFile(folder / "set/data.mdb"), png));
}

TEST(CaffeImport, EveryEncodingComesBackPixelForPixel) {
  const TemporaryFolder folder;
  std::vector<std::pair<std::string, std::string>> records;
  records.reserve(5);
  for (int i = 0; i < 5; ++i)
    records.emplace_back(concat("0000000", i, "_x"), planarDatum(i % 2, testImage(i)));
  writeCaffeLmdb(folder / "caffe", records);
  PackOptions options = optionsFor(folder, "caffe");
  const std::pair<const char*, DatasetManifest::Encoding> kinds[] = {
      {"keep", DatasetManifest::RAW}, {"raw", DatasetManifest::RAW}, {"png", DatasetManifest::PNG}};
  for (const auto& [text, encoding] : kinds) {
    options.encoding = parseEncoding(text);
    EXPECT_EQ(packDataset(options).manifest.encoding(), encoding);
    expectImages(Dataset(folder / "set"), 5);
  }
  options.encoding = parseEncoding("jpeg:100");
  EXPECT_EQ(packDataset(options).manifest.encoding(), DatasetManifest::JPEG);
  EXPECT_LE(cv::norm(Dataset(folder / "set").read(3).image, testImage(3), cv::NORM_INF), 4);
}

/// What trains on a data set takes one of pixels like any other.
TEST(CaffeImport, TheLoaderReadsPixels) {
  const TemporaryFolder folder;
  writeTestFaces(folder / "faces", 4);
  PackOptions options = testPackOptions(folder / "faces", folder / "png");
  packDataset(options);
  options.output = folder / "raw";
  options.encoding = parseEncoding("raw");
  packDataset(options);
  Batch batches[2];
  for (const char* name : {"png", "raw"}) {
    const Dataset set(folder / name);
    Loader loader(set, {});
    loader.request(0, set.size());
    loader.next(batches[name == std::string("raw")]);
  }
  EXPECT_EQ(batches[0].images, batches[1].images);
  EXPECT_EQ(batches[0].labels, batches[1].labels);
}

TEST(CaffeImport, RepacksOurOwnSets) {
  const TemporaryFolder folder;
  writeTestFaces(folder / "faces", 3);
  PackOptions options = testPackOptions(folder / "faces", folder / "first");
  options.alignment = "by hand";
  packDataset(options);
  packDataset(optionsFor(folder, "first"));
  const Dataset set(folder / "set");
  set.verify();
  EXPECT_EQ(set.manifest().identity(2).name(), "c");
  EXPECT_EQ(set.manifest().alignment_template(), "by hand");
  EXPECT_EQ(set.manifest().sha256(), Dataset(folder / "first").manifest().sha256());
}

TEST(CaffeImport, GreyPixelsBecomeThreePlanes) {
  const TemporaryFolder folder;
  caffe::Datum datum;
  datum.set_channels(1);
  datum.set_height(2);
  datum.set_width(2);
  datum.set_data("\x01\x02\x03\x04");
  const std::string first = datum.SerializeAsString();
  datum.set_label(1);
  writeCaffeLmdb(folder / "caffe",
                 {{"00000000_x", first}, {"00000001_y", datum.SerializeAsString()}});
  const PackResult result = packDataset(optionsFor(folder, "caffe"));
  EXPECT_EQ(result.grey, 2U);
  EXPECT_EQ(Dataset(folder / "set").read(0).image.at<cv::Vec3b>(1, 0), cv::Vec3b(3, 3, 3));
}

TEST(CaffeImport, NamesARecordThatCantBeUsed) {
  const TemporaryFolder folder;
  const auto refused = [&](const std::string& value, const std::string& words) {
    fs::remove_all(folder / "caffe");
    writeCaffeLmdb(folder / "caffe", {{"00000000_a", planarDatum(0, testImage(0))},
                                      {"00000001_b", value},
                                      {"00000002_c", planarDatum(1, testImage(2))}});
    const std::string error = errorOf([&] { packDataset(optionsFor(folder, "caffe")); });
    EXPECT_TRUE(contains(error, "record 00000001_b: " + words)) << error;
    EXPECT_FALSE(fs::exists(folder / "set"));
  };
  refused("\xff\xff no message", "not a Datum");
  refused(encodedDatum(-1, "x"), "label -1");
  caffe::Datum datum;
  datum.ParseFromString(planarDatum(0, testImage(1)));
  datum.mutable_data()->pop_back();
  refused(datum.SerializeAsString(), "104 bytes of pixels instead of 105");
  datum.set_height(2147483647);
  datum.set_width(2147483647);
  refused(datum.SerializeAsString(), "104 bytes of pixels instead of");
  datum.set_channels(2);
  refused(datum.SerializeAsString(), "pixels of 2x");
  datum.add_float_data(0.5F);
  refused(datum.SerializeAsString(), "its pixels are floating-point numbers");
  refused(planarDatum(0, testImage(1, 8, 7)), "the image is 8x7");
}

// -- A data.mdb that LMDB would trip over ---------------------------------------------------------

class LmdbCheckTest : public ::testing::Test {
 protected:
  /// Three levels of pages, values in the leaves and in pages of their own.
  void SetUp() override {
    fs::create_directories(folder_ / "x");
    LmdbWriter writer(folder_ / "x");
    for (int i = 0; i < 20000; ++i) {
      char key[16];
      std::snprintf(key, sizeof key, "%08d_name", i);
      writer.put(key, std::string(i % 50 == 0 ? 5000 : 30, static_cast<char>(i)));
      if (i % 700 == 699) writer.commit();
    }
    writer.commit();
    whole_ = readFile(file_);
  }
  std::string checkError(const std::string& bytes) {
    writeBytes(file_, bytes);
    return errorOf([&] { checkLmdb(file_); });
  }
  TemporaryFolder folder_;
  fs::path file_ = folder_ / "x/data.mdb";
  std::string whole_;
};

TEST_F(LmdbCheckTest, PassesWhatTheLibraryWrote) {
  EXPECT_EQ(checkError(whole_), "");
  // Also with pages that were freed and used again, and no record at all.
  const TemporaryFolder other;
  writeCaffeLmdb(other / "empty", {});
  EXPECT_EQ(errorOf([&] { checkLmdb(other / "empty/data.mdb"); }), "");
}

TEST_F(LmdbCheckTest, NoticesTruncationAndForeignFiles) {
  EXPECT_TRUE(contains(checkError(whole_.substr(0, whole_.size() - 4096)), "truncated"));
  EXPECT_TRUE(contains(checkError(""), "data.mdb"));
  EXPECT_TRUE(contains(checkError(std::string(100000, 'x')), "no meta page"));
}

/// Whatever is damaged, either the check says so or LMDB reads every record without harm.
TEST_F(LmdbCheckTest, WhatPassesCanBeRead) {
  Random random(6);
  int refused = 0;
  for (int round = 0; round < 400; ++round) {
    std::string damaged = whole_;
    // Mostly where it hurts: in the heads of pages.
    const size_t pages = damaged.size() / 4096;
    for (int i = 0; i < 3; ++i) {
      const size_t page = round % 2 == 0 ? random.below(2) : random.below(pages);
      damaged[page * 4096 + random.below(random.chance(0.5) ? 160 : 4096)] =
          static_cast<char>(random.below(256));
    }
    if (!checkError(damaged).empty()) {
      ++refused;
      continue;
    }
    errorOf([&] {
      const LmdbReader reader(folder_ / "x");
      uint64_t sum = 0;
      reader.forEach([&](std::string_view key, std::string_view value) {
        for (const char c : key)
          sum += static_cast<unsigned char>(c);
        for (const char c : value)
          sum += static_cast<unsigned char>(c);
      });
      EXPECT_GT(sum, 0U);
    });
  }
  EXPECT_GT(refused, 100);
}

}  // namespace
}  // namespace sphereface
