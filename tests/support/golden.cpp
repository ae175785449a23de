// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "tests/support/golden.h"

#include <cstdint>
#include <cstring>
#include <stdexcept>

#include "base/atomic_file.h"

namespace sphereface::testing {

GoldenFile readGolden(const std::filesystem::path& path) {
  const std::string bytes = readFile(path);
  size_t at = 0;
  auto take = [&](void* to, size_t count) {
    if (at + count > bytes.size()) throw std::runtime_error(path.string() + ": too short");
    std::memcpy(to, bytes.data() + at, count);
    at += count;
  };
  auto take_count = [&] {
    uint32_t value = 0;
    take(&value, sizeof value);
    return value;
  };
  auto convert = [&]<class T>(GoldenArray& array, T) {
    for (double& value : array.values) {
      T stored;
      take(&stored, sizeof stored);
      value = static_cast<double>(stored);
    }
  };
  char magic[4];
  take(magic, 4);
  if (std::memcmp(magic, "SFG1", 4) != 0)
    throw std::runtime_error(path.string() + ": no SFG1 file");
  GoldenFile file;
  for (uint32_t arrays = take_count(); arrays > 0; --arrays) {
    std::string name(take_count(), '\0');
    take(name.data(), name.size());
    const uint32_t type = take_count();
    GoldenArray array;
    size_t count = 1;
    for (uint32_t dimensions = take_count(); dimensions > 0; --dimensions) {
      array.shape.push_back(take_count());
      count *= array.shape.back();
    }
    array.values.resize(count);
    if (type == 0) convert(array, float());
    if (type == 1) convert(array, int32_t());
    if (type == 2) convert(array, uint8_t());
    if (type == 3) convert(array, double());
    file[name] = std::move(array);
  }
  return file;
}

}  // namespace sphereface::testing
