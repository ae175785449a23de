// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/loader.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "data/sample_order.h"
#include "tests/support/packing_test_tools.h"
#include "tests/support/wait_until.h"

namespace sphereface {
namespace {

constexpr size_t kImageBytes = size_t{3} * kTestHeight * kTestWidth;

class LoaderTest : public ::testing::Test {
 protected:
  LoaderTest() {
    writeTestFaces(folder_ / "faces", 6);
    packDataset(testPackOptions(folder_ / "faces", folder_ / "set"));
  }

  /// Batches of positions [0, 4), [4, 8), ...
  static std::vector<Batch> load(const Dataset& dataset, const LoaderOptions& options,
                                 size_t batches) {
    Loader loader(dataset, options);
    for (size_t i = 0; i < batches; ++i)
      loader.request(4 * i, 4 * i + 4);
    EXPECT_EQ(loader.pending(), batches);
    std::vector<Batch> loaded;
    while (loader.pending() > 0)
      loader.next(loaded.emplace_back());
    return loaded;
  }

  /// Overwrites the middle of one record's image.
  void damageOneRecord() const {
    std::string bytes = readFile(folder_ / "set" / "data.mdb");
    const size_t at = bytes.find("IDAT", bytes.size() / 3);
    ASSERT_NE(at, std::string::npos);
    bytes.replace(at, 16, 16, '\xee');
    writeFileAtomically(folder_ / "set" / "data.mdb", bytes);
  }

  const TemporaryFolder folder_;
};

TEST_F(LoaderTest, GivesTheSampleOrdersRecordsAsPlanes) {
  const Dataset dataset(folder_ / "set");
  SampleOrder order(dataset.size(), 1);
  uint64_t position = 0;
  for (const Batch& batch : load(dataset, {}, 12)) {
    ASSERT_EQ(batch.images.size(), 4 * kImageBytes);
    for (size_t i = 0; i < 4; ++i) {
      const uint64_t record = order.record(position++);
      EXPECT_EQ(batch.records[i], record);
      const Dataset::Sample sample = dataset.read(record);
      EXPECT_EQ(batch.labels[i], sample.label);
      const uint8_t* planes = batch.images.data() + i * kImageBytes;
      for (int y = 0; y < kTestHeight; ++y) {
        for (int x = 0; x < kTestWidth; ++x) {
          for (int c = 0; c < 3; ++c) {
            EXPECT_EQ(planes[(c * kTestHeight + y) * kTestWidth + x],
                      sample.image.at<cv::Vec3b>(y, x)[c]);
          }
        }
      }
    }
  }
}

TEST_F(LoaderTest, ThreadsAndSlicesDontChangeAPixel) {
  const Dataset dataset(folder_ / "set");
  LoaderOptions options;
  options.augment = {.mirror = true,
                     .rotation = 10,
                     .scale = 0.1,
                     .shift = 1,
                     .low_resolution = 0.5,
                     .grayscale = 0.5,
                     .color_gain = 0.1,
                     .contrast = 0.2,
                     .brightness = 20,
                     .cutout = 0.5};
  const std::vector<Batch> one = load(dataset, options, 10);
  options.threads = 4;
  options.prefetch = 1;
  const std::vector<Batch> four = load(dataset, options, 10);
  for (size_t i = 0; i < one.size(); ++i) {
    EXPECT_EQ(one[i].images, four[i].images);
    EXPECT_EQ(one[i].labels, four[i].labels);
  }
  // The second half of the first batch, as another worker would ask for it.
  Loader slice(dataset, options);
  slice.request(2, 4);
  Batch half;
  slice.next(half);
  EXPECT_TRUE(
      std::equal(half.images.begin(), half.images.end(), one[0].images.begin() + 2 * kImageBytes));
}

/// Three epochs of 21 records. Everything fits, half does, nothing does: the pixels are the same,
/// and what fits is decoded once.
TEST_F(LoaderTest, TheCacheSparesDecodingAndChangesNoPixel) {
  const Dataset dataset(folder_ / "set");
  LoaderOptions options;
  options.augment = {.mirror = true, .rotation = 10, .cutout = 0.5};
  const size_t batches = 3 * dataset.size() / 4;
  const std::vector<Batch> plain = load(dataset, options, batches);
  options.threads = 3;
  for (const size_t kept : {dataset.size(), dataset.size() / 2, uint64_t{0}}) {
    options.cache_bytes = kept * kImageBytes;
    uint64_t hits = 0;
    const std::vector<Batch> cached = load(dataset, options, batches);
    for (size_t i = 0; i < cached.size(); ++i) {
      EXPECT_EQ(cached[i].images, plain[i].images);
      EXPECT_EQ(cached[i].labels, plain[i].labels);
      hits += cached[i].cache_hits;
    }
    EXPECT_LE(hits, 2 * kept);
    // Three positions aren't asked for, and a thread may ask again while another still decodes.
    EXPECT_GE(hits + 8, 2 * kept);
  }
}

TEST_F(LoaderTest, IsReadyWithWhatCanBeTakenAtOnceAndWithoutAnError) {
  damageOneRecord();
  const Dataset dataset(folder_ / "set");
  Loader loader(dataset, {});
  EXPECT_FALSE(loader.isReady());
  // Alone: every record but one.
  uint64_t ready = 0;
  for (uint64_t position = 0; position < dataset.size(); ++position) {
    loader.request(position, position + 1);
    ready += testing::waitUntil([&] { return loader.isReady(); }, 1) ? 1 : 0;
    Batch batch;
    try {
      loader.next(batch);
    } catch (const BadRecord&) {
      EXPECT_EQ(ready, position);
      ++ready;
    }
  }
  EXPECT_EQ(ready, dataset.size());
  EXPECT_FALSE(loader.isReady());
}

TEST_F(LoaderTest, TheCacheKeepsNoBadRecord) {
  damageOneRecord();
  const Dataset dataset(folder_ / "set");
  LoaderOptions options;
  options.skip_bad_records = true;
  const size_t batches = 3 * dataset.size() / 4;
  uint64_t bad = 0;
  for (const Batch& batch : load(dataset, options, batches))
    bad += batch.bad_samples.size();
  EXPECT_GE(bad, 2U);
  options.cache_bytes = dataset.size() * kImageBytes;
  for (const Batch& batch : load(dataset, options, batches))
    bad -= batch.bad_samples.size();
  EXPECT_EQ(bad, 0U) << "counted alike with and without a cache";
  Loader loader(dataset, options);
  loader.request(0, dataset.size());
  Batch epoch;
  loader.next(epoch);
  EXPECT_EQ(loader.cacheBytes(), (dataset.size() - 1) * kImageBytes);
}

TEST_F(LoaderTest, ABadRecordIsAnErrorOrIsReplacedAndCounted) {
  damageOneRecord();
  const Dataset dataset(folder_ / "set");
  const size_t batches = dataset.size() / 4 + 1;
  EXPECT_THROW(load(dataset, {}, batches), BadRecord);
  LoaderOptions skipping;
  skipping.skip_bad_records = true;
  uint64_t bad = 0;
  for (const Batch& batch : load(dataset, skipping, batches))
    bad += batch.bad_samples.size();
  EXPECT_GE(bad, 1U);
  EXPECT_LE(bad, 2U) << "one record, in little more than one epoch";
}

}  // namespace
}  // namespace sphereface
