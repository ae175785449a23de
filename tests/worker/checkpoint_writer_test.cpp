// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "worker/checkpoint_writer.h"

#include <gtest/gtest.h>

#include <cstring>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/sha256.h"
#include "base/temporary_folder.h"
#include "tests/support/network_support.h"

namespace sphereface {
namespace {

using Part = CheckpointManifest::Part;

CheckpointPart into(const std::filesystem::path& folder) {
  CheckpointPart message;
  message.set_folder(folder.string());
  return message;
}

/// An engine whose arenas the numbers could be parts of.
std::unique_ptr<Engine> someEngine() {
  EngineOptions options;
  options.network = testing::customNetwork(7, 5, 3, {{1, 1}});
  options.batch = 1;
  return makeEngine(Device::kCpu, options);
}

TEST(CheckpointWriter, WritesWhatTheNumbersWereWhenItBegan) {
  const TemporaryFolder folder;
  std::vector<float> trunk(100000, 1);
  std::vector<float> head(50000, 2);
  CheckpointWriter writer;
  EXPECT_FALSE(writer.finish());
  writer.begin(*someEngine(), {{Part::PARAMETERS, 0, {trunk, head}}, {Part::MOMENTUM, 7, {head}}},
               into(folder / "work"));
  std::ranges::fill(trunk, -1.0F);
  std::ranges::fill(head, -1.0F);
  const std::optional<CheckpointPart> done = writer.finish();
  ASSERT_TRUE(done);
  EXPECT_FALSE(writer.finished()) << "told once";
  ASSERT_EQ(done->part_size(), 2);
  EXPECT_EQ(done->part(0).file(), "parameters.bin");
  EXPECT_EQ(done->part(1).file(), "momentum-7.bin");
  EXPECT_EQ(done->part(1).offset(), 7U);
  const std::string bytes = readFile(folder / "work" / "parameters.bin");
  ASSERT_EQ(bytes.size(), 150000 * sizeof(float));
  EXPECT_EQ(done->part(0).sha256(), sha256(bytes));
  std::vector<float> written(150000);
  std::memcpy(written.data(), bytes.data(), bytes.size());
  EXPECT_EQ(written[99999], 1);
  EXPECT_EQ(written[100000], 2);
}

TEST(CheckpointWriter, SaysWhatItCouldNotWrite) {
  const TemporaryFolder folder;
  writeFileAtomically(folder / "file", "in the way");
  const std::vector<float> values(10);
  CheckpointWriter writer;
  writer.begin(*someEngine(), {{Part::PARAMETERS, 0, {values}}}, into(folder / "file" / "work"));
  EXPECT_ANY_THROW(writer.finish());
}

}  // namespace
}  // namespace sphereface
