// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

// A RecordIO face set: a 16-bit length of the index, the index, the .rec file.

#include <cstring>

#include "base/error.h"
#include "data/import/pack_input.h"
#include "tests/fuzz/fuzz.h"

namespace sphereface::fuzz {
namespace {

std::string raw(uint64_t value, size_t bytes) {
  return {reinterpret_cast<const char*>(&value), bytes};
}

std::string record(uint32_t continuation, const std::string& payload) {
  std::string text = raw(0xced7230a, 4) + raw(payload.size() | continuation << 29, 4) + payload;
  text.resize((text.size() + 3) / 4 * 4, '\0');
  return text;
}

/// Label vectors of two numbers.
std::string payload(float first, float second, uint64_t id, const std::string& image) {
  std::string text = raw(2, 4) + raw(0, 4) + raw(id, 8) + raw(0, 8);
  for (const float label : {first, second}) {
    uint32_t bits = 0;
    std::memcpy(&bits, &label, sizeof bits);
    text += raw(bits, 4);
  }
  return text + image;
}

}  // namespace

std::vector<std::string> seeds() {
  const std::string picture = smallPicture(1);
  const std::string whole = record(0, payload(0, 0, 1, picture)) +
                            record(0, payload(1, 0, 2, picture)) + record(1, payload(1, 0, 3, "")) +
                            record(2, "abcd") + record(3, picture) +
                            record(0, payload(3, 4, 0, ""));
  const std::string index = "1\t0\n2\t" + std::to_string(whole.size() / 5) + "\n";
  return {raw(0, 2) + whole, raw(index.size(), 2) + index + whole};
}

void fuzzOne(std::string_view bytes) {
  uint16_t index_bytes = 0;
  if (bytes.size() < sizeof index_bytes) return;
  std::memcpy(&index_bytes, bytes.data(), sizeof index_bytes);
  bytes.remove_prefix(sizeof index_bytes);
  if (index_bytes > bytes.size()) return;
  std::filesystem::remove(folder() / "train.idx");
  if (index_bytes > 0) fileOf(bytes.substr(0, index_bytes), "train.idx");
  const PackInput input = openMxnetRecords(fileOf(bytes.substr(index_bytes), "train.rec"));
  for (const PackImage& image : input.images)
    input.load(image.at);
}

}  // namespace sphereface::fuzz
