// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/dataset.h"

#include <gtest/gtest.h>
#include <lmdb.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <map>

#include "base/parallel.h"
#include "base/random.h"
#include "base/sha256.h"
#include "data/lmdb_file.h"
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

TEST_F(PackedSet, BecomingShorterWhileItIsReadIsAnErrorNotASignal) {
  const Dataset set(set_);
  set.read(0);
  fs::resize_file(file_, 2 * 4096);
  for (int round = 0; round < 2; ++round) {
    EXPECT_TRUE(contains(errorOf([&] { set.read(20); }), file_.string() + ": damaged, or cut off"));
  }
  fs::resize_file(file_, 0);
  EXPECT_TRUE(contains(errorOf([&] { set.read(20); }), file_.string()));
}

TEST_F(PackedSet, IsReadWhereItIsOpenTwiceAndWritesNothingBesideIt) {
  const Dataset first(set_);
  {
    const Dataset second(set_);
    EXPECT_EQ(second.key(30), first.key(30));
  }
  EXPECT_EQ(first.read(30).label, Dataset(set_).read(30).label);
  EXPECT_FALSE(fs::exists(set_ / "lock.mdb"));
}

/// What reading all records of a damaged set comes to.
enum Outcome : int { kUnaffected = 10, kNamed, kChanged, kNotNamed, kChangedAndVerified };

/// In key order, and in another.
Outcome readAll(const fs::path& folder, const std::vector<std::string>& records) {
  bool changed = false;
  const auto told = [&](const std::function<void()>& action) {
    const std::string error = errorOf(action);
    if (!error.empty() && !contains(error, folder.string())) throw Error(error);
    return !error.empty();
  };
  try {
    bool named = told([&] {
      uint64_t index = 0;
      LmdbReader(folder).forEach([&](std::string_view, std::string_view value) {
        changed = changed || value != records[index];
        ++index;
      });
    });
    named |= told([&] {
      const LmdbReader reader(folder);
      for (uint64_t i = 0; i < records.size(); ++i) {
        const uint64_t index = i * 53 % records.size();
        reader.find(recordKeyPrefix(index), [&](std::string_view, std::string_view value) {
          changed = changed || value != records[index];
        });
      }
    });
    const bool not_verified = told([&] { Dataset(folder).verify(); });
    if (changed && !named) return not_verified ? kChanged : kChangedAndVerified;
    return named || not_verified ? kNamed : kUnaffected;
  } catch (const std::exception&) {
    return kNotNamed;
  }
}

/// Each in a process of its own, which a signal would end: of a fault, or of the clock.
TEST(DamagedSet, AnyFlippedBitIsAnErrorNamingTheFileOrChangesARecordAtMost) {
  const TemporaryFolder folder;
  Random random(20);
  constexpr int kRecords = 136;
  for (const int height :
       {5, 40}) {  // records of less than a page, which lie in leaves; of two pages
    const fs::path faces = folder / concat("faces", height);
    for (int i = 0; i < kRecords; ++i) {
      writeBytes(faces / concat("p", i / 8) / concat(i, ".png"),
                 encodePng(testImage(i, height, 48)));
    }
    const fs::path set = folder / concat("set", height);
    PackOptions options = testPackOptions(faces, set);
    options.encoding = parseEncoding("raw");
    options.height = height;
    options.width = 48;
    packDataset(options);
    std::vector<std::string> records;
    LmdbReader(set).forEach(
        [&](std::string_view, std::string_view value) { records.emplace_back(value); });
    ASSERT_EQ(records.size(), size_t{kRecords});
    const std::string whole = readFile(set / "data.mdb");
    std::vector<size_t> tree_pages = {0, 1};  // the meta pages, branches and leaves
    for (size_t page = 2; page < whole.size() / 4096; ++page) {
      const int flags = whole[page * 4096 + 10];
      if (flags == 1 || flags == 2) tree_pages.push_back(page);
    }
    std::map<int, int> outcomes;
    for (int round = 0; round < 200; ++round) {
      std::string damaged = whole;
      // Mostly where it hurts: in the tree, in the heads of pages and their offsets of nodes.
      const size_t page = round % 4 == 0 ? random.below(whole.size() / 4096)
                                         : tree_pages[random.below(tree_pages.size())];
      const size_t at = page * 4096 + random.below(round % 2 == 0 ? 4096 : 40);
      const auto bit = static_cast<int>(random.below(8));
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
      std::ofstream(set / "data.mdb", std::ios::binary) << damaged;
      const pid_t child = ::fork();
      ASSERT_GE(child, 0);
      if (child == 0) {
        ::alarm(60);
        ::_exit(readAll(set, records));
      }
      int status = 0;
      ASSERT_EQ(::waitpid(child, &status, 0), child);
      ASSERT_TRUE(WIFEXITED(status))
          << "bit " << bit << " of byte " << at << ": signal " << WTERMSIG(status);
      const int outcome = WEXITSTATUS(status);
      ++outcomes[outcome];
      EXPECT_TRUE(outcome == kUnaffected || outcome == kNamed || outcome == kChanged)
          << "bit " << bit << " of byte " << at << ": " << outcome;
    }
    EXPECT_GT(outcomes[kNamed], 20);
    EXPECT_GT(outcomes[kUnaffected], 20);
  }
}

}  // namespace
}  // namespace sphereface
