// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/dataset.h"

#include <gtest/gtest.h>
#include <lmdb.h>

#include <algorithm>
#include <fstream>

#include "base/parallel.h"
#include "base/sha256.h"
#include "proto/caffe.pb.h"
#include "proto/text_format.h"
#include "tests/support/packing_test_tools.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

/// An LMDB of these values under the keys 0, 1, ..., written by the library itself, with a manifest
/// of 2 classes that fits their number.
void writeSet(const fs::path& folder, const std::vector<std::string>& values) {
  fs::create_directories(folder);
  MDB_env* env = nullptr;
  ASSERT_EQ(mdb_env_create(&env), 0);
  ASSERT_EQ(mdb_env_open(env, folder.c_str(), 0, 0644), 0);
  MDB_txn* transaction = nullptr;
  ASSERT_EQ(mdb_txn_begin(env, nullptr, 0, &transaction), 0);
  MDB_dbi database = 0;
  ASSERT_EQ(mdb_dbi_open(transaction, nullptr, 0, &database), 0);
  for (size_t i = 0; i < values.size(); ++i) {
    std::string name = "0000000" + std::to_string(i) + "_x";
    MDB_val key{name.size(), name.data()};
    MDB_val value{values[i].size(), const_cast<char*>(values[i].data())};
    ASSERT_EQ(mdb_put(transaction, database, &key, &value, 0), 0);
  }
  ASSERT_EQ(mdb_txn_commit(transaction), 0);
  mdb_env_close(env);

  DatasetManifest manifest;
  manifest.set_records(values.size());
  manifest.set_classes(2);
  manifest.set_channels(3);
  manifest.set_height(kTestHeight);
  manifest.set_width(kTestWidth);
  manifest.add_identity()->set_images(1);
  manifest.add_identity()->set_images(static_cast<uint32_t>(values.size()) - 1);
  writeFileAtomically(folder / "manifest.textproto", printText(manifest));
}

caffe::Datum encodedDatum(int label, const std::string& bytes) {
  caffe::Datum datum;
  datum.set_encoded(true);
  datum.set_label(label);
  datum.set_data(bytes);
  return datum;
}

caffe::Datum planarDatum(const cv::Mat& image, int label) {
  caffe::Datum datum;
  datum.set_channels(3);
  datum.set_height(image.rows);
  datum.set_width(image.cols);
  datum.set_label(label);
  for (int c = 0; c < 3; ++c) {
    for (int y = 0; y < image.rows; ++y) {
      for (int x = 0; x < image.cols; ++x) {
        datum.mutable_data()->push_back(static_cast<char>(image.at<cv::Vec3b>(y, x)[c]));
      }
    }
  }
  return datum;
}

BadRecord badRecord(const Dataset& set, uint64_t index) {
  try {
    set.read(index);
  } catch (const BadRecord& e) {
    return e;
  }
  throw Error(concat("record ", index, " is good"));
}

std::string problemOf(const Dataset& set, uint64_t index) {
  return badRecord(set, index).what();
}

TEST(Dataset, ReadsPlanarDatums) {
  const TemporaryFolder folder;
  writeSet(folder / "set", {planarDatum(testImage(5), 1).SerializeAsString(),
                            planarDatum(testImage(6), 0).SerializeAsString()});
  const Dataset set(folder / "set");
  const Dataset::Sample sample = set.read(0);
  EXPECT_EQ(sample.label, 1);
  EXPECT_EQ(cv::norm(sample.image, testImage(5), cv::NORM_INF), 0);
  EXPECT_EQ(cv::norm(set.read(1).image, testImage(6), cv::NORM_INF), 0);
}

TEST(Dataset, NamesABadRecord) {
  const TemporaryFolder folder;
  const std::string png = encodePng(testImage(1));
  caffe::Datum short_planes = planarDatum(testImage(1), 0);
  short_planes.mutable_data()->pop_back();
  writeSet(folder / "set",
           {encodedDatum(2, png).SerializeAsString(), encodedDatum(-1, png).SerializeAsString(),
            encodedDatum(1, png.substr(0, png.size() / 2)).SerializeAsString(),
            encodedDatum(1, "garbage").SerializeAsString(), encodedDatum(1, "").SerializeAsString(),
            encodedDatum(1, encodePng(testImage(1, 7, 5))).SerializeAsString(),
            planarDatum(testImage(1, 7, 5), 0).SerializeAsString(),
            short_planes.SerializeAsString(), "\xff\xff no message"});
  const Dataset set(folder / "set");
  EXPECT_TRUE(contains(problemOf(set, 0), "record 0 (00000000_x): label 2 is outside 0 .. 1"));
  EXPECT_TRUE(contains(problemOf(set, 0), (folder / "set").string()));
  EXPECT_TRUE(contains(problemOf(set, 1), "label -1 is outside"));
  EXPECT_TRUE(contains(problemOf(set, 2), "record 2"));
  EXPECT_TRUE(contains(problemOf(set, 3), "record 3"));
  EXPECT_TRUE(contains(problemOf(set, 4), "record 4"));
  EXPECT_TRUE(contains(problemOf(set, 5), "3x7x5, the manifest says 3x5x7"));
  EXPECT_TRUE(contains(problemOf(set, 6), "3x7x5, the manifest says 3x5x7"));
  EXPECT_TRUE(contains(problemOf(set, 7), "104 bytes of pixels instead of 105"));
  EXPECT_TRUE(contains(problemOf(set, 8), "not a Datum"));
  using Reason = BadRecord::Reason;
  const Reason reasons[] = {Reason::kBadLabel,    Reason::kBadLabel,    Reason::kUndecodable,
                            Reason::kUndecodable, Reason::kUndecodable, Reason::kWrongShape,
                            Reason::kWrongShape,  Reason::kWrongShape,  Reason::kUndecodable};
  for (uint64_t record = 0; record < set.size(); ++record)
    EXPECT_EQ(badRecord(set, record).reason(), reasons[record]) << record;
}

class PackedSet : public ::testing::Test {
 protected:
  void SetUp() override {
    writeTestFaces(folder_ / "faces", 8);
    packDataset(testPackOptions(folder_ / "faces", set_));
  }
  std::string openError() const {
    return errorOf([&] { const Dataset opened(set_); });
  }

  TemporaryFolder folder_;
  fs::path set_ = folder_ / "set";
  fs::path file_ = set_ / "data.mdb";
  fs::path manifest_ = set_ / "manifest.textproto";
};

TEST_F(PackedSet, IsReadByManyThreads) {
  const Dataset set(set_);
  parallelFor(400, 8, [&](size_t i) {
    const uint64_t index = i % set.size();
    const std::string key = set.key(index);
    EXPECT_EQ(set.read(index).label, key[9] - 'a');
  });
}

TEST_F(PackedSet, TruncatedAnywhereIsAnErrorNotASignal) {
  const auto whole = fs::file_size(file_);
  for (const auto size : {whole - 4096, whole - 1, whole / 2, uintmax_t{8192}, uintmax_t{8191},
                          uintmax_t{4096}, uintmax_t{50}, uintmax_t{0}}) {
    fs::resize_file(file_, std::min(size, fs::file_size(file_)));
    EXPECT_TRUE(contains(openError(), file_.string())) << size << ": " << openError();
  }
}

TEST_F(PackedSet, AZeroedPageIsAnErrorNotAnAbort) {
  const std::string whole = readFile(file_);
  int failures = 0;
  for (size_t page = 2; page < whole.size() / 4096; ++page) {
    std::string damaged = whole;
    damaged.replace(page * 4096, 4096, 4096, '\0');
    writeFileAtomically(file_, damaged);
    const std::string error = errorOf([&] { Dataset(set_).verify(); });
    if (error.empty()) continue;  // a page that is free
    ++failures;
    EXPECT_TRUE(contains(error, set_.string())) << error;
  }
  EXPECT_GT(failures, 0);
}

TEST_F(PackedSet, GarbageIsAnError) {
  writeFileAtomically(file_, std::string(100'000, 'x'));
  EXPECT_TRUE(contains(openError(), file_.string() + ": not an LMDB file"));
  // A right head with an absurd page size.
  std::string head(100'000, '\0');
  head.replace(16, 8, std::string("\xde\xc0\xef\xbe\x01\0\0\0", 8));
  writeFileAtomically(file_, head);
  EXPECT_TRUE(contains(openError(), "page size 0"));
}

TEST_F(PackedSet, MissingPartsAreNamed) {
  const std::string text = readFile(manifest_);
  fs::remove(manifest_);
  EXPECT_TRUE(contains(openError(), "has no manifest.textproto"));
  writeFileAtomically(manifest_, text + "colour: BGR\n");
  EXPECT_TRUE(contains(openError(), "manifest.textproto:"));
  writeFileAtomically(manifest_, text);
  fs::remove(file_);
  EXPECT_TRUE(contains(openError(), file_.string()));
  fs::remove_all(set_);
  EXPECT_TRUE(contains(openError(), "no such data set: " + set_.string()));
}

TEST_F(PackedSet, DisagreeingNumbersOfRecordsAreAnError) {
  DatasetManifest manifest;
  parseTextFile(manifest_, manifest);
  manifest.set_records(35);
  manifest.mutable_identity(0)->set_images(0);
  writeFileAtomically(manifest_, printText(manifest));
  EXPECT_TRUE(contains(openError(), "data.mdb has 36 records, its manifest says 35"));
}

TEST_F(PackedSet, AFlippedByteFailsTheCheck) {
  std::string bytes = readFile(file_);
  const size_t place = bytes.find("IDAT");
  ASSERT_NE(place, std::string::npos);
  bytes[place + 6] ^= 1;
  writeFileAtomically(file_, bytes);
  const Dataset set(set_);
  EXPECT_TRUE(contains(errorOf([&] { set.verify(); }), "SHA-256"));
}

}  // namespace
}  // namespace sphereface
