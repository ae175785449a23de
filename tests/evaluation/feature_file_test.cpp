// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/feature_file.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <limits>

#include "base/json.h"
#include "base/sha256.h"
#include "tests/support/evaluation_support.h"

namespace sphereface {
namespace {

FeatureSet sample(size_t rows = 3, size_t dim = 5) {
  FeatureSet features;
  features.rows = rows;
  features.dim = dim;
  for (size_t i = 0; i < rows; ++i) {
    features.names.push_back(concat("J\xc3\xbcrgen_", i, "/\"quoted\" ", i, ".jpg"));
    for (size_t d = 0; d < dim; ++d) {
      features.values.push_back(static_cast<float>(i) + 0.1F * static_cast<float>(d));
    }
  }
  features.model_sha256 = sha256("model");
  features.mirror = "concat";
  features.alignment_template = "sphereface-112x96";
  features.color_order = "BGR";
  return features;
}

void expectSame(const FeatureSet& a, const FeatureSet& b) {
  EXPECT_EQ(a.names, b.names);
  EXPECT_EQ(a.rows, b.rows);
  EXPECT_EQ(a.dim, b.dim);
  EXPECT_EQ(a.values, b.values);
  EXPECT_EQ(a.model_sha256, b.model_sha256);
  EXPECT_EQ(a.mirror, b.mirror);
  EXPECT_EQ(a.alignment_template, b.alignment_template);
  EXPECT_EQ(a.color_order, b.color_order);
}

/// The message of the Error that reading gives.
std::string failure(const std::filesystem::path& path) {
  try {
    readFeatures(path);
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find(path.string()), std::string::npos) << e.what();
    return e.what();
  }
  ADD_FAILURE() << "was read";
  return "";
}

void expectFailure(const std::filesystem::path& path, const std::string& words) {
  const std::string message = failure(path);
  EXPECT_NE(message.find(words), std::string::npos) << message;
}

TEST(FeatureFile, ComesBackAsItWasWritten) {
  const TemporaryFolder folder;
  for (const char* name : {"f.sff", "f.npy"}) {
    for (const auto& [rows, dim] : {std::pair<size_t, size_t>{3, 5}, {1, 1}, {127, 13}}) {
      writeFeatures(folder / name, sample(rows, dim));
      expectSame(readFeatures(folder / name), sample(rows, dim));
    }
  }
}

TEST(FeatureFile, RefusesAnotherSuffix) {
  const TemporaryFolder folder;
  EXPECT_THROW(writeFeatures(folder / "f.csv", sample()), UsageError);
  EXPECT_THROW(readFeatures(folder / "f"), UsageError);
}

TEST(FeatureFile, RefusesToWriteASetThatContradictsItself) {
  const TemporaryFolder folder;
  const auto refuses = [&](auto change) {
    FeatureSet features = sample();
    change(features);
    EXPECT_THROW(writeFeatures(folder / "f.sff", features), Error);
  };
  refuses([](FeatureSet& f) { f.names.pop_back(); });
  refuses([](FeatureSet& f) { f.values.pop_back(); });
  refuses([](FeatureSet& f) { f.values[7] = std::numeric_limits<float>::quiet_NaN(); });
  refuses([](FeatureSet& f) { f.names[1].clear(); });
  refuses([](FeatureSet& f) { f.names[1][2] = '\0'; });
  refuses([](FeatureSet& f) { f.mirror = "both"; });
  refuses([](FeatureSet& f) { f.color_order = "\xff"; });
  refuses([](FeatureSet& f) { f = FeatureSet(); });
  EXPECT_FALSE(std::filesystem::exists(folder / "f.sff"));
}

TEST(FeatureFile, EveryTruncationOfAnSffIsNoticed) {
  const TemporaryFolder folder;
  writeFeatures(folder / "f.sff", sample());
  const std::string bytes = readFile(folder / "f.sff");
  for (size_t length = 0; length < bytes.size(); ++length) {
    writeFileAtomically(folder / "cut.sff", std::string_view(bytes).substr(0, length));
    failure(folder / "cut.sff");
  }
  writeFileAtomically(folder / "long.sff", bytes + "x");
  failure(folder / "long.sff");
}

TEST(FeatureFile, EveryFlippedBitOfAnSffIsNoticed) {
  const TemporaryFolder folder;
  writeFeatures(folder / "f.sff", sample(1, 2));
  const std::string bytes = readFile(folder / "f.sff");
  for (size_t at = 0; at < bytes.size(); ++at) {
    std::string flipped = bytes;
    flipped[at] = static_cast<char>(flipped[at] ^ (1 << (at % 8)));
    writeFileAtomically(folder / "flipped.sff", flipped);
    failure(folder / "flipped.sff");
  }
}

TEST(FeatureFile, SffHeaderLiesAreRefusedBeforeMemoryIsTaken) {
  const TemporaryFolder folder;
  writeFeatures(folder / "f.sff", sample());
  const std::string bytes = readFile(folder / "f.sff");
  const uint64_t huge = 0x4000000000000000ULL;
  const auto with = [&](size_t offset, const void* value, size_t size) {
    std::string changed = bytes;
    std::memcpy(changed.data() + offset, value, size);
    writeFileAtomically(folder / "lie.sff", changed);
    return folder / "lie.sff";
  };
  expectFailure(with(0, "SFFEAT\n\n", 8), "is no .sff");
  const uint32_t version = 2;
  expectFailure(with(8, &version, 4), "version 2");
  const uint32_t dim = 0x80000000U;
  expectFailure(with(12, &dim, 4), "promises");
  expectFailure(with(16, &huge, 8), "promises");
  expectFailure(with(24, &huge, 8), "too early");
  expectFailure(with(32, &huge, 8), "too early");
  expectFailure(folder / "absent.sff", "cannot open");
}

/// The bytes NumPy's format description asks for, written by hand.
TEST(FeatureFile, NpyBytesAreTheDocumentedOnes) {
  const TemporaryFolder folder;
  writeFeatures(folder / "f.npy", sample(2, 3));
  const std::string bytes = readFile(folder / "f.npy");
  std::string expected("\x93NUMPY\x01\x00\x76\x00", 10);
  expected += "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
  expected.resize(127, ' ');
  expected += '\n';
  ASSERT_EQ(bytes.size(), 128U + 2 * 3 * 4);
  EXPECT_EQ(bytes.substr(0, 128), expected);
  const std::vector<float> values = sample(2, 3).values;
  std::vector<float> stored(6);
  std::memcpy(stored.data(), bytes.data() + 128, 24);
  EXPECT_EQ(stored, values);
}

TEST(FeatureFile, NpyIsCheckedAgainstItsHeaderAndItsSidecar) {
  const TemporaryFolder folder;
  writeFeatures(folder / "f.npy", sample());
  const std::string bytes = readFile(folder / "f.npy");
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string changed = bytes;
    changed.replace(changed.find(from), from.size(), to);
    writeFileAtomically(folder / "f.npy", changed);
    return folder / "f.npy";
  };
  expectFailure(with("\x93NUMPY", "\x93NUMPI"), "is no .npy");
  expectFailure(with("<f4", "<f8"), "'<f4'");
  expectFailure(with("<f4", "<f2"), ").astype('<f4', order='C'))");
  expectFailure(with("False", "True "), ").astype('<f4', order='C'))");
  expectFailure(with("False", "True "), "C order");
  expectFailure(with("(3, 5)", "(15,) "), "two-dimensional");
  expectFailure(with("(3, 5)", "(3,5,1)"), "two-dimensional");
  expectFailure(with("(3, 5)", "(3, -5)"), "two-dimensional");
  expectFailure(with("shape", "sHape"), "two-dimensional");
  expectFailure(with("(3, 5), }", "(3, 5   "), "two-dimensional");
  expectFailure(with("(3, 5)", "(5, 3)"), "SHA-256");
  expectFailure(with("(3, 5)", "(9, 5)"), "promises");
  expectFailure(with("(3, 5), }                    ", "(4294967296, 4294967296), }  "), "promises");
  writeFileAtomically(folder / "f.npy", bytes.substr(0, bytes.size() - 1));
  expectFailure(folder / "f.npy", "promises");

  writeFileAtomically(folder / "f.npy", bytes);
  const Json sidecar = readJsonFile(folder / "f.npy.json");
  const auto with_sidecar = [&](const char* key, const Json& value) {
    Json changed = sidecar;
    changed[key] = value;
    writeJsonFile(folder / "f.npy.json", changed);
    return folder / "f.npy";
  };
  expectFailure(with_sidecar("names", {"a", "b"}), "2 names");
  expectFailure(with_sidecar("names", 3), "metadata");
  expectFailure(with_sidecar("mirror", true), "metadata");
  writeJsonFile(folder / "f.npy.json", {{"names", {"a", "b", "c"}}});
  EXPECT_EQ(readFeatures(folder / "f.npy").mirror, "none");
  std::filesystem::remove(folder / "f.npy.json");
  expectFailure(folder / "f.npy", "f.npy.json");
}

TEST(FeatureFile, NumpyReadsOursAndWeReadNumpys) {
  if (!pythonHas("numpy")) GTEST_SKIP() << "SPHEREFACE_PYTHON names no Python with numpy";
  const TemporaryFolder folder;
  writeFeatures(folder / "ours.npy", sample(127, 13));
  const std::string script = R"(
import json, sys
import numpy as np
folder = sys.argv[1]
a = np.load(folder + "/ours.npy", allow_pickle=False, mmap_mode="r")
assert a.dtype == np.float32 and a.shape == (127, 13) and a.flags.c_contiguous
i, d = np.mgrid[0:127, 0:13].astype(np.float32)
assert np.array_equal(a, i + np.float32(0.1) * d)
names = json.load(open(folder + "/ours.npy.json"))["names"]
assert names[126] == 'J\u00fcrgen_126/"quoted" 126.jpg', names[126]
np.save(folder + "/theirs.npy", np.asarray(a) * 2)
json.dump({"names": names}, open(folder + "/theirs.npy.json", "w"))
for version in (2, 0), (3, 0):
    with open(folder + "/v%d.npy" % version[0], "wb") as f:
        np.lib.format.write_array(f, np.asarray(a) * 2, version=version)
    json.dump({"names": names}, open(folder + "/v%d.npy.json" % version[0], "w"))
)";
  EXPECT_EQ(runPython(folder, script, (folder / "").string()), "");
  std::vector<float> doubled = sample(127, 13).values;
  for (float& value : doubled)
    value *= 2;
  for (const char* name : {"theirs.npy", "v2.npy", "v3.npy"}) {
    const FeatureSet theirs = readFeatures(folder / name);
    EXPECT_EQ(theirs.values, doubled);
    EXPECT_EQ(theirs.names, sample(127, 13).names);
  }
}

TEST(FeatureFile, AnyFlippedBitIsNoticed) {
  const TemporaryFolder folder;
  for (const char* name : {"f.sff", "f.npy"}) {
    writeFeatures(folder / name, sample());
    const std::string whole = readFile(folder / name);
    Random random(4);
    for (int round = 0; round < 200; ++round) {
      std::string damaged = whole;
      const size_t at = random.below(whole.size());
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << random.below(8)));
      std::ofstream(folder / name, std::ios::binary) << damaged;
      failure(folder / name);
      // Without a look at the rows and the checksum what is read may differ.
      try {
        openFeatureFile(folder / name, false);
      } catch (const Error& e) {
        EXPECT_NE(std::string(e.what()).find((folder / name).string()), std::string::npos);
      }
    }
  }
}

}  // namespace
}  // namespace sphereface
