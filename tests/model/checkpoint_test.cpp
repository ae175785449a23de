// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "model/checkpoint.h"

#include <gtest/gtest.h>

#include <fstream>
#include <functional>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/random.h"
#include "base/temporary_folder.h"
#include "model/checkpoint_check.h"
#include "proto/text_format.h"
#include "tests/support/tiny_checkpoint.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

class CheckpointWholeness : public ::testing::Test {
 protected:
  /// What `resume auto` asks of a checkpoint; "" when it is whole.
  std::string problem() const {
    try {
      const CheckpointManifest manifest = readCheckpointManifest(checkpoint_);
      verifyCheckpoint(checkpoint_, manifest);
      EXPECT_EQ(manifest.SerializeAsString(), whole_.SerializeAsString());
    } catch (const UsageError& e) {
      ADD_FAILURE() << "blames what was asked: " << e.what();
    } catch (const Error& e) {
      EXPECT_NE(std::string(e.what()), "");
      return e.what();
    }
    return "";
  }

  /// Without AtomicFile's waiting for the disk.
  static void write(const fs::path& file, const std::string& bytes) {
    std::ofstream(file, std::ios::binary) << bytes;
  }

  void expectProblem(const std::function<void(CheckpointManifest&)>& change,
                     const std::string& words) const {
    CheckpointManifest manifest = whole_;
    change(manifest);
    write(manifest_, printText(manifest));
    EXPECT_NE(problem().find(words), std::string::npos) << words << ": " << problem();
    EXPECT_NE(problem().find(checkpoint_.string()), std::string::npos) << problem();
  }

  void expectFlipsAreNoticed(const fs::path& file, uint64_t seed, int most_unaffected) const {
    const std::string bytes = readFile(file);
    Random random(seed);
    int unaffected = 0;
    for (int round = 0; round < 200; ++round) {
      std::string damaged = bytes;
      const size_t at = random.below(bytes.size());
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << random.below(8)));
      write(file, damaged);
      const std::string found = problem();
      if (found.empty()) {
        ++unaffected;
      } else {
        EXPECT_NE(found.find(checkpoint_.string()), std::string::npos) << found;
      }
    }
    EXPECT_LE(unaffected, most_unaffected);
    write(file, bytes);
    EXPECT_EQ(problem(), "");
  }

  const TemporaryFolder folder_;
  const fs::path checkpoint_ = folder_ / "step-00000007";
  const fs::path manifest_ = checkpoint_ / "manifest.textproto";
  const CheckpointManifest whole_ = testing::writeTinyCheckpoint(checkpoint_, 7, 1.5);
};

TEST(FindCheckpoint, TakesARunsNewestOne) {
  const TemporaryFolder run;
  EXPECT_THROW(findCheckpoint(run.path()), Error);
  for (const uint64_t step : {9, 100, 20})
    testing::writeTinyCheckpoint(checkpointFolder(run.path(), step), step);
  EXPECT_EQ(findCheckpoint(run.path()), checkpointFolder(run.path(), 100));
  EXPECT_EQ(findCheckpoint(checkpointFolder(run.path(), 20)), checkpointFolder(run.path(), 20));
}

/// By their first bytes, in files that are called otherwise.
TEST(FindCheckpoint, TellsWhatElseAFileIs) {
  using namespace std::string_literals;
  const TemporaryFolder folder;
  const fs::path file = folder / "weights.bin";
  const auto told = [&](const std::string& bytes) -> std::string {
    std::ofstream(file, std::ios::binary) << bytes;
    try {
      findCheckpoint(file);
    } catch (const Error& e) {
      return e.what();
    }
    return "";
  };
  const std::string local_header = "PK\x03\x04\0\0\x08\x08\0\0\0\0\0\0"s + std::string(16, '\0');
  for (const auto& [bytes, words] : std::vector<std::pair<std::string, std::string>>{
           {local_header + "archive/data.pkl", "(PyTorch checkpoint)"},
           {local_header + "word/document.xml", "(zip)"},
           {"\x80\x02\x8a\x0al\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", "(Python pickle)"},
           {"\x89HDF\r\n\x1a\n\0\0"s, "(HDF5)"},
           {"\x40\0\0\0\0\0\0\0{\"w\":{\"dtype\":\"F32\"}}"s, "(safetensors)"},
           {"some text", "(text)"},
           {"", "(empty)"}}) {
    EXPECT_NE(told(bytes).find(words), std::string::npos) << words << ": " << told(bytes);
    EXPECT_NE(told(bytes).find(file.string()), std::string::npos) << told(bytes);
  }
}

TEST_F(CheckpointWholeness, AManifestThatIsCutOffAnywhereIsDamaged) {
  const std::string text = readFile(manifest_);
  EXPECT_EQ(problem(), "");
  for (size_t bytes = 0; bytes < text.size(); bytes += 7) {
    write(manifest_, text.substr(0, bytes));
    EXPECT_NE(problem(), "") << bytes << " of " << text.size();
  }
  // Without its checksum, by hand, up to the last of what each has.
  const std::string plain = text.substr(text.find('\n') + 1);
  write(manifest_, plain);
  EXPECT_EQ(problem(), "");
  for (size_t bytes = 0; bytes < plain.rfind('}'); bytes += 7) {
    write(manifest_, plain.substr(0, bytes));
    EXPECT_NE(problem(), "") << bytes << " of " << plain.size();
  }
}

TEST_F(CheckpointWholeness, FlippedBitsAreNoticed) {
  expectFlipsAreNoticed(checkpoint_ / kParametersFile, 1, 0);
  expectFlipsAreNoticed(checkpoint_ / "momentum-4.bin", 2, 0);
  // A flip in the words of the first line leaves the rest.
  expectFlipsAreNoticed(manifest_, 3, 20);
}

TEST_F(CheckpointWholeness, NonsenseIsNamed) {
  using Manifest = CheckpointManifest;
  expectProblem([](Manifest& m) { m.Clear(); }, "no format_version");
  expectProblem([](Manifest& m) { m.set_format_version(1); }, "format version 1");
  expectProblem([](Manifest& m) { m.clear_step(); }, "no step");
  expectProblem([](Manifest& m) { m.clear_config(); }, "no network");
  expectProblem([](Manifest& m) { m.clear_tensor(); }, "no tensor");
  expectProblem([](Manifest& m) { m.mutable_tensor(0)->clear_dim(); }, "no name or shape");
  expectProblem([](Manifest& m) { m.mutable_tensor(0)->set_dim(0, uint64_t{1} << 63); },
                "tensor conv.0 has more numbers");
  expectProblem(
      [](Manifest& m) {
        m.mutable_tensor(0)->set_dim(0, uint64_t{1} << 32);
        m.mutable_tensor(0)->set_dim(1, uint64_t{1} << 32);
      },
      "tensor conv.0 has more numbers");
  expectProblem([](Manifest& m) { m.mutable_tensor(1)->set_offset(5); }, "head.0 begins at 5");
  expectProblem([](Manifest& m) { m.mutable_tensor(1)->set_dim(0, 2); },
                "PARAMETERS hold 6 numbers, the tensors have 8");
  expectProblem([](Manifest& m) { m.clear_part(); }, "PARAMETERS hold 0 numbers");
  expectProblem([](Manifest& m) { m.mutable_part()->RemoveLast(); }, "MOMENTUM hold 4 numbers");
  expectProblem([](Manifest& m) { m.mutable_part(2)->set_offset(3); }, "begins at number 3");
  expectProblem([](Manifest& m) { m.mutable_part(2)->set_offset(uint64_t{1} << 63); },
                "begins at number 9223372036854775808");
  expectProblem([](Manifest& m) { m.mutable_part(2)->set_file(m.part(0).file()); }, "two parts");
  expectProblem([](Manifest& m) { m.mutable_part(2)->set_file("../momentum.bin"); },
                "no file's name");
  expectProblem([](Manifest& m) { m.mutable_part(2)->set_file("absent"); }, "absent is missing");
  expectProblem([](Manifest& m) { m.mutable_part(0)->set_bytes(uint64_t{1} << 40); },
                "16 bytes, the manifest says 1099511627776");
  expectProblem([](Manifest& m) { m.mutable_part(0)->clear_sha256(); }, "no SHA-256");
  expectProblem([](Manifest& m) { m.mutable_part(0)->set_sha256(std::string(64, '0')); },
                "parameters.bin: damaged");
}

}  // namespace
}  // namespace sphereface
