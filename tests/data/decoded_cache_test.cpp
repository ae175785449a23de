// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/decoded_cache.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/parallel.h"

namespace sphereface {
namespace {

using Image = std::array<uint8_t, 6>;

Image imageOf(uint64_t record) {
  Image image{};
  image.fill(static_cast<uint8_t>(record));
  return image;
}

TEST(DecodedCache, KeepsWhatFitsAndNoMore) {
  DecodedCache cache(10, 6, 3 * 6 + 5);
  EXPECT_EQ(cache.find(4).planes, nullptr);
  for (const uint64_t record : {4U, 4U, 9U, 0U, 7U}) {
    cache.keep(record, imageOf(record).data(), static_cast<int32_t>(record) + 100);
  }
  EXPECT_EQ(cache.bytes(), 18U);
  for (const uint64_t record : {4U, 9U, 0U}) {
    const DecodedCache::Entry entry = cache.find(record);
    ASSERT_NE(entry.planes, nullptr);
    EXPECT_TRUE(std::equal(entry.planes, entry.planes + 6, imageOf(record).begin()));
    EXPECT_EQ(entry.label, static_cast<int32_t>(record) + 100);
  }
  EXPECT_EQ(cache.find(7).planes, nullptr);
}

TEST(DecodedCache, OfNoSizeKeepsNothing) {
  DecodedCache cache(10, 6, 5);
  cache.keep(1, imageOf(1).data(), 1);
  EXPECT_EQ(cache.find(1).planes, nullptr);
  EXPECT_EQ(cache.bytes(), 0U);
}

TEST(DecodedCache, TooLargeABudgetIsAnErrorThatNamesTheField) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers end the process instead of throwing bad_alloc";
#endif
  const uint64_t records = uint64_t{1} << 20;
  try {
    const DecodedCache cache(records, size_t{1} << 40, SIZE_MAX);
    FAIL() << "had a quintillion bytes";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("data.cache_megabytes"), std::string::npos);
  }
}

TEST(DecodedCache, IsFilledAndReadByManyThreads) {
  DecodedCache cache(64, 6, 48 * 6);
  parallelFor(20'000, 8, [&](size_t i) {
    const uint64_t record = (i * 7) % 64;
    const DecodedCache::Entry entry = cache.find(record);
    if (entry.planes == nullptr) {
      cache.keep(record, imageOf(record).data(), static_cast<int32_t>(record));
    } else {
      EXPECT_EQ(entry.planes[5], record);
      EXPECT_EQ(entry.label, static_cast<int32_t>(record));
    }
  });
  EXPECT_EQ(cache.bytes(), 48U * 6);
  int kept = 0;
  for (uint64_t record = 0; record < 64; ++record)
    kept += cache.find(record).planes != nullptr ? 1 : 0;
  EXPECT_EQ(kept, 48);
}

}  // namespace
}  // namespace sphereface
