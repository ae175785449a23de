// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// MXNet's RecordIO face sets, written here from their layout.

#include "data/import/pack_input.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "base/random.h"
#include "base/sha256.h"
#include "data/dataset.h"
#include "data/import/record_file.h"
#include "tests/support/packing_test_tools.h"

namespace sphereface {
namespace {

template <class T>
std::string raw(T value) {
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

constexpr uint32_t kMagic = 0xced7230a;

std::string chunkOf(uint32_t continuation, const std::string& bytes) {
  std::string text = raw(kMagic) + raw(static_cast<uint32_t>(bytes.size()) | continuation << 29);
  text += bytes;
  text.resize((text.size() + 3) / 4 * 4, '\0');
  return text;
}

/// A record, cut at the magic numbers in it as dmlc's writer does.
std::string recordOf(const std::string& payload) {
  std::string text;
  size_t start = 0;
  for (size_t i = 0; i + 4 <= payload.size(); i += 4) {
    if (payload.substr(i, 4) != raw(kMagic)) continue;
    text += chunkOf(start == 0 ? 1 : 2, payload.substr(start, i - start));
    start = i + 4;
  }
  return text + chunkOf(text.empty() ? 0 : 3, payload.substr(start));
}

std::string payloadOf(const std::vector<float>& labels, uint64_t id, const std::string& image) {
  const bool scalar = labels.size() == 1;
  std::string text = raw(static_cast<uint32_t>(scalar ? 0 : labels.size())) +
                     raw(scalar ? labels[0] : 0.0F) + raw(id) + raw(uint64_t{0});
  for (size_t i = 0; i < labels.size() && !scalar; ++i)
    text += raw(labels[i]);
  return text + image;
}

class RecordSet {
 public:
  void add(uint64_t key, const std::vector<float>& labels, const std::string& image) {
    index_ += concat(key, "\t", rec_.size(), "\n");
    rec_ += recordOf(payloadOf(labels, key, image));
  }
  void write(const std::filesystem::path& folder, bool with_index) const {
    writeBytes(folder / "train.rec", rec_);
    if (with_index) writeBytes(folder / "train.idx", index_);
  }
  std::string& rec() { return rec_; }

 private:
  std::string rec_;
  std::string index_;
};

/// As insightface's face2rec2 writes: images with keys 1 .. A-1, identities A .. B-1, key 0 last.
RecordSet insightfaceSet(const std::vector<int>& images_of, bool vectors) {
  RecordSet set;
  uint64_t key = 1;
  int number = 0;
  std::vector<std::vector<float>> ranges;
  for (size_t label = 0; label < images_of.size(); ++label) {
    const auto first = static_cast<float>(key);
    for (int i = 0; i < images_of[label]; ++i) {
      std::vector<float> labels = {static_cast<float>(label)};
      if (vectors) labels.push_back(0);
      set.add(key++, labels, encodePng(testImage(number++)));
    }
    ranges.push_back({first, static_cast<float>(key)});
  }
  const auto images_end = static_cast<float>(key);
  for (const std::vector<float>& range : ranges)
    set.add(key++, range, "");
  set.add(0, {images_end, static_cast<float>(key)}, "");
  return set;
}

PackOptions unshuffled(const std::filesystem::path& input, const std::filesystem::path& output) {
  PackOptions options;
  options.input = input;
  options.output = output;
  options.shuffle = false;
  options.threads = 2;
  return options;
}

TEST(RecordImport, ReadsInsightfacesSets) {
  const std::vector<int> images_of = {3, 1, 2};
  for (const bool vectors : {false, true}) {
    for (const bool with_index : {false, true}) {
      const TemporaryFolder folder;
      insightfaceSet(images_of, vectors).write(folder / "faces", with_index);
      writeBytes(folder / "faces/property", "3,5,7\n");
      const PackResult result = packDataset(unshuffled(folder / "faces", folder / "set"));
      EXPECT_EQ(result.notes, std::vector<std::string>());
      const Dataset set(folder / "set");
      ASSERT_EQ(set.size(), 6U);
      EXPECT_EQ(set.manifest().classes(), 3U);
      EXPECT_EQ(set.manifest().height(), 5U);
      EXPECT_EQ(set.manifest().width(), 7U);
      EXPECT_EQ(set.manifest().identity(1).name(), "label 1");
      EXPECT_EQ(set.key(4), "00000004_5");
      const std::vector<int> labels = {0, 0, 0, 1, 2, 2};
      for (uint64_t i = 0; i < 6; ++i) {
        EXPECT_EQ(set.read(i).label, labels[i]);
        EXPECT_EQ(cv::norm(set.read(i).image, testImage(static_cast<int>(i)), cv::NORM_INF), 0);
      }
    }
  }
}

/// As insightface's shuffling script and im2rec write: scalar labels, keys from 0, nothing else.
TEST(RecordImport, ReadsSetsWithoutIndexRecord) {
  const TemporaryFolder folder;
  RecordSet records;
  const std::vector<float> labels = {1, 0, 1, 2};
  for (size_t i = 0; i < labels.size(); ++i)
    records.add(i, {labels[i]}, encodePng(testImage(static_cast<int>(i))));
  records.write(folder / "faces", true);
  packDataset(unshuffled(folder / "faces/train.rec", folder / "set"));
  const Dataset set(folder / "set");
  ASSERT_EQ(set.size(), 4U);
  for (uint64_t i = 0; i < 4; ++i)
    EXPECT_EQ(set.label(i), static_cast<int>(labels[i]));
}

TEST(RecordImport, TakesTheIndexsChoice) {
  const TemporaryFolder folder;
  insightfaceSet({2, 2}, true).write(folder / "faces", true);
  // Keys 2 and 3 of the four images, the later one first.
  const std::string index = readFile(folder / "faces/train.idx");
  const size_t second = index.find("2\t");
  const size_t third = index.find("3\t");
  const size_t fourth = index.find("4\t");
  writeBytes(folder / "faces/train.idx",
             index.substr(third, fourth - third) + index.substr(second, third - second));
  packDataset(unshuffled(folder / "faces", folder / "set"));
  const Dataset set(folder / "set");
  ASSERT_EQ(set.size(), 2U);
  EXPECT_EQ(cv::norm(set.read(0).image, testImage(1), cv::NORM_INF), 0);
  EXPECT_EQ(cv::norm(set.read(1).image, testImage(2), cv::NORM_INF), 0);
}

TEST(RecordImport, JoinsRecordsThatWereCut) {
  // Magic numbers everywhere: at multiples of 4 they cut, elsewhere they don't.
  Random random(4);
  const TemporaryFolder folder;
  std::string file;
  std::vector<std::string> payloads;
  for (int k = 0; k < 200; ++k) {
    std::string payload;
    for (uint64_t parts = random.below(7); parts > 0; --parts) {
      if (random.chance(0.6)) {
        payload += raw(kMagic);
      } else {
        payload += std::string(random.below(9), static_cast<char>(random.below(256)));
      }
    }
    payloads.push_back(payload);
    file += recordOf(payload);
  }
  writeBytes(folder / "x.rec", file);
  const RecordFile records(folder / "x.rec");
  uint64_t at = 0;
  for (const std::string& payload : payloads) {
    const RecordFile::Record record = records.read(at);
    EXPECT_EQ(record.payload, payload);
    EXPECT_EQ(record.payload_bytes, payload.size());
    EXPECT_EQ(records.read(at, 3).next, record.next);
    EXPECT_EQ(records.read(at, 3).payload_bytes, payload.size());
    at = record.next;
  }
  EXPECT_EQ(at, file.size());
}

TEST(RecordImport, CutImagesArriveWhole) {
  const TemporaryFolder folder;
  std::string image = encodeJpeg(testImage(1), 90);
  // A comment segment with the magic number, at a multiple of 4 of the payload (header 24, SOI 2).
  const std::string comment =
      std::string("\xff\xfe\x00\x08", 4) + std::string(2, 'x') + raw(kMagic);
  image.insert(2, comment);
  RecordSet records;
  records.add(0, {0}, image);
  ASSERT_EQ(static_cast<unsigned char>(records.rec()[7]) >> 5, 1);
  records.add(1, {1}, encodePng(testImage(2)));
  records.write(folder / "faces", false);
  packDataset(unshuffled(folder / "faces", folder / "set"));
  EXPECT_TRUE(contains(readFile(folder / "set/data.mdb"), image));
}

/// Wherever the records without an image lie, and whatever order the index has.
TEST(RecordImport, ImagesAreCalledByTheIndexsKeys) {
  const TemporaryFolder folder;
  RecordSet records;
  records.add(0, {4, 5}, "");  // the header record first
  records.add(1, {0}, encodePng(testImage(1)));
  records.add(2, {1}, encodePng(testImage(2)));
  records.add(30, {1}, encodePng(testImage(3)));
  records.write(folder / "faces", true);
  writeBytes(folder / "out.txt", "2\n");
  PackOptions options = unshuffled(folder / "faces", folder / "set");
  options.selection.exclude = {folder / "out.txt"};
  packDataset(options);
  const Dataset set(folder / "set");
  ASSERT_EQ(set.size(), 2U);
  EXPECT_EQ(set.key(0), "00000000_1");
  EXPECT_EQ(set.key(1), "00000001_30");
  EXPECT_EQ(cv::norm(set.read(1).image, testImage(3), cv::NORM_INF), 0);
  std::string index = readFile(folder / "faces/train.idx");
  index.replace(index.find("30\t"), 2, "1");
  writeBytes(folder / "faces/train.idx", index);
  options.force = true;
  EXPECT_TRUE(contains(errorOf([&] { packDataset(options); }), "train.idx:4: key 1 at byte"));
}

TEST(RecordImport, GapsInLabelsNeedToBeAskedFor) {
  const TemporaryFolder folder;
  RecordSet records;
  records.add(1, {7}, encodePng(testImage(0)));
  records.add(2, {3}, encodePng(testImage(1)));
  records.write(folder / "faces", false);
  PackOptions options = unshuffled(folder / "faces", folder / "set");
  const std::string error = errorOf([&] { packDataset(options); });
  EXPECT_TRUE(contains(error, "no image has label 0, but 1 has label 7")) << error;
  EXPECT_TRUE(contains(error, "--renumber")) << error;
  options.selection.renumber = true;
  packDataset(options);
  const Dataset set(folder / "set");
  EXPECT_EQ(set.label(0), 1);
  EXPECT_EQ(set.label(1), 0);
  EXPECT_EQ(set.manifest().identity(1).name(), "label 7");
}

TEST(RecordImport, SaysWhatTheFilesBesideItBelie) {
  const TemporaryFolder folder;
  RecordSet records;
  records.add(1, {0}, encodePng(testImage(0)));
  records.add(2, {1}, encodePng(testImage(1)));
  records.add(0, {5, 6}, "");
  records.write(folder / "faces", true);
  writeBytes(folder / "faces/property", "9,112,112");
  const PackResult result = packDataset(unshuffled(folder / "faces", folder / "set"));
  ASSERT_EQ(result.notes.size(), 3U);
  EXPECT_EQ(result.notes[0], "the index record tells of 4 images, there are 2");
  EXPECT_TRUE(contains(result.notes[1], "9 classes, there are 2"));
  EXPECT_TRUE(contains(result.notes[2], "112x112, the first is 5x7"));
}

TEST(RecordImport, KnowsInsightfacesTemplate) {
  const TemporaryFolder folder;
  RecordSet records;
  records.add(1, {0}, encodePng(testImage(0, 112, 112)));
  records.add(2, {1}, encodePng(testImage(1, 112, 112)));
  records.write(folder / "faces", false);
  packDataset(unshuffled(folder / "faces", folder / "set"));
  EXPECT_EQ(Dataset(folder / "set").manifest().alignment_template(), "insightface-112x112");
}

std::string importError(const TemporaryFolder& folder, const std::string& rec) {
  writeBytes(folder / "faces/train.rec", rec);
  std::string error = errorOf([&] { packDataset(unshuffled(folder / "faces", folder / "set")); });
  EXPECT_FALSE(std::filesystem::exists(folder / "set"));
  EXPECT_FALSE(std::filesystem::exists(folder / "set.partial"));
  return error;
}

TEST(RecordImport, RefusesDamagedFilesByPlace) {
  const TemporaryFolder folder;
  const std::string png = encodePng(testImage(1));
  const std::string good = recordOf(payloadOf({0}, 1, png));
  const auto refused = [&](const std::string& rec, const std::string& words) {
    const std::string error = importError(folder, rec);
    EXPECT_TRUE(contains(error, words)) << error << " instead of " << words;
    EXPECT_TRUE(contains(error, "train.rec")) << error;
  };
  refused("", "no record with an image");
  refused(good + "garbage that is long", concat("byte ", good.size(), ": no RecordIO magic"));
  refused(good + "junk", concat("byte ", good.size(), ": the file ends inside it"));
  refused(good.substr(0, good.size() - 8), "byte 0: the file ends inside it");
  refused(raw(uint32_t{0x3ed7230a}) + good.substr(4), "early RecordIO");
  refused(chunkOf(0, "short"), "record 1 at byte 0: shorter than an image header");
  refused(chunkOf(2, "abcd"), "out of order");
  refused(chunkOf(1, "abcd") + chunkOf(0, "abcd"), "out of order");
  refused(chunkOf(1, "abcd") + chunkOf(1, "abcd"), "out of order");
  refused(chunkOf(1, "abc") + chunkOf(3, "abcd"), "odd length");
  refused(chunkOf(5, "abcd"), "out of order");
  refused(chunkOf(1, "abcd"), "the file ends inside it");
  std::string many_labels = payloadOf({0}, 1, png);
  many_labels.replace(0, 4, raw(uint32_t{0xffffffff}));
  refused(recordOf(many_labels), "ends inside its 4294967295 labels");
  for (const float label : {-1.0F, 0.5F, 16777216.0F, std::numeric_limits<float>::quiet_NaN(),
                            std::numeric_limits<float>::infinity()}) {
    refused(recordOf(payloadOf({label}, 1, png)), "no whole number below 2^24");
  }
  refused(recordOf(payloadOf({0}, 1, "no picture")), "record 1 at byte 0");
  refused(recordOf(payloadOf({0}, 0, "")), "no record with an image");
}

TEST(RecordImport, RefusesDamagedIndices) {
  const TemporaryFolder folder;
  const std::string good = recordOf(payloadOf({0}, 1, encodePng(testImage(1))));
  const auto refused = [&](const std::string& index, const std::string& words) {
    writeBytes(folder / "faces/train.idx", index);
    const std::string error = importError(folder, good);
    EXPECT_TRUE(contains(error, words)) << error << " instead of " << words;
  };
  refused("", "the index is empty");
  refused("1\t0\nx\n", "train.idx:2: expected `key offset`");
  refused("1\t0\t3\n", "train.idx:1: expected `key offset`");
  refused("1\t4\n", "byte 4: no RecordIO magic");
  refused("1\t99999999999\n", "byte 99999999999: the file ends inside it");
  refused("1\t18446744073709551615\n", "the file ends inside it");
}

/// Damaged files end in an Error or a data set.
TEST(RecordImport, RandomDamageIsSurvived) {
  const TemporaryFolder folder;
  RecordSet whole = insightfaceSet({2, 1}, true);
  Random random(8);
  for (int round = 0; round < 300; ++round) {
    std::string damaged = whole.rec();
    for (int i = 0; i < 3; ++i)
      damaged[random.below(damaged.size())] = static_cast<char>(random.below(256));
    writeBytes(folder / "faces/train.rec", damaged);
    errorOf([&] { openMxnetRecords(folder / "faces/train.rec"); });
  }
}

}  // namespace
}  // namespace sphereface
