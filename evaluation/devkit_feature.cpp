// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/devkit_feature.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <utility>

#include "base/atomic_file.h"
#include "base/error.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

static_assert(std::endian::native == std::endian::little, "the files are little-endian");

struct Header {
  int32_t rows;
  int32_t columns;
  int32_t stride;
  int32_t type;
};
static_assert(sizeof(Header) == 16);

constexpr int32_t kTypeBits = 0xfff;
constexpr int32_t kFloats = 5;

bool leadsOut(const fs::path& name) {
  return name.is_absolute() || std::find(name.begin(), name.end(), "..") != name.end();
}

}  // namespace

std::string devkitFeatureBytes(std::span<const float> feature) {
  const Header header{static_cast<int32_t>(feature.size()), 1, sizeof(float), kFloats};
  std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
  bytes.append(reinterpret_cast<const char*>(feature.data()), feature.size_bytes());
  return bytes;
}

std::vector<float> readDevkitFeature(const fs::path& path) {
  const std::string bytes = readFile(path);
  const auto fail = [&](const std::string& what) {
    throw Error(concat(path.string(), ": ", what));
  };
  Header header{};
  if (bytes.size() < sizeof header) {
    fail(concat("is no feature file: ", bytes.size(), " bytes, a header has ", sizeof header));
  }
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.rows <= 0 || header.columns != 1 || header.stride != sizeof(float) ||
      (header.type & kTypeBits) != kFloats) {
    fail(concat("must be a column of floats (D x 1, stride 4, type 5), but is ", header.rows, " x ",
                header.columns, ", stride ", header.stride, ", type ", header.type & kTypeBits));
  }
  const auto rows = static_cast<size_t>(header.rows);
  const size_t expected = sizeof header + rows * sizeof(float);
  if (bytes.size() != expected) {
    fail(concat(bytes.size(), " bytes, its header promises ", header.rows, " floats and so ",
                expected));
  }
  std::vector<float> feature(rows);
  std::memcpy(feature.data(), bytes.data() + sizeof header, bytes.size() - sizeof header);
  for (size_t i = 0; i < feature.size(); ++i) {
    if (!std::isfinite(feature[i])) fail(concat("number ", i, " is ", feature[i]));
  }
  return feature;
}

DevkitFolder::DevkitFolder(fs::path folder, std::string ending)
    : folder_(std::move(folder)),
      ending_(std::move(ending)),
      temporary_(concat(folder_.string(), ".", ::getpid(), ".tmp")) {}

DevkitFolder::~DevkitFolder() {
  std::error_code ignored;
  if (!temporary_.empty()) fs::remove_all(temporary_, ignored);
}

void DevkitFolder::add(const FeatureSet& features) {
  makeWorkFolder(temporary_);
  for (size_t i = 0; i < features.rows; ++i) {
    if (leadsOut(features.names[i])) {
      throw Error(concat(features.names[i], " leads out of ", folder_.string()));
    }
    const fs::path file = concat((temporary_ / features.names[i]).string(), ending_);
    fs::create_directories(file.parent_path());
    const std::string bytes = devkitFeatureBytes(features.row(i));
    std::ofstream out(file, std::ios::binary);
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    out.close();
    if (!out) throw Error(concat("cannot write ", file.string()));
  }
}

void DevkitFolder::commit() {
  commitDirectory(temporary_, folder_);
  temporary_.clear();
}

}  // namespace sphereface
