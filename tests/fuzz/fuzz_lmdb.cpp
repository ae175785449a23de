// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

// A data.mdb: what checkLmdb() lets pass, LMDB must read without harm.

#include "base/atomic_file.h"
#include "data/lmdb_check.h"
#include "data/lmdb_file.h"
#include "tests/fuzz/fuzz.h"

namespace sphereface::fuzz {

std::vector<std::string> seeds() {
  std::vector<std::string> all;
  for (const int records : {0, 3, 60, 300}) {
    std::filesystem::remove(folder() / "data.mdb");
    LmdbWriter writer(folder());
    for (int i = 0; i < records; ++i) {
      char key[16];
      std::snprintf(key, sizeof key, "%08d_x", i);
      writer.put(key, std::string(i % 100 == 0 ? 3000 : 20, 'v'));
      if (i % 50 == 2) writer.commit();
    }
    writer.commit();
    if (records > 0) all.push_back(readFile(folder() / "data.mdb"));
  }
  return all;
}

void fuzzOne(std::string_view bytes) {
  checkLmdb(fileOf(bytes, "data.mdb"));
  const LmdbReader reader(folder());
  uint64_t sum = 0;
  const auto use = [&](std::string_view key, std::string_view value) {
    for (const char c : key)
      sum += static_cast<unsigned char>(c);
    for (const char c : value)
      sum += static_cast<unsigned char>(c);
  };
  reader.forEach(use);
  for (const char* key : {"", "00000007_", "00000299_x", "~"})
    reader.find(key, use);
  volatile uint64_t keep = sum;
  static_cast<void>(keep);
}

}  // namespace sphereface::fuzz
