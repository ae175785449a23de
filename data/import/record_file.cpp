// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/import/record_file.h"

#include <algorithm>
#include <array>

#include "base/error.h"

namespace sphereface {
namespace {

constexpr uint32_t kMagic = 0xced7230a;
/// Of the format's first years, with 30 bits of length.
constexpr uint32_t kOldMagic = 0x3ed7230a;
constexpr uint64_t kHeadBytes = 8;

}  // namespace

RecordFile::Record RecordFile::read(uint64_t offset, uint64_t most) const {
  const auto fail = [&](const std::string& what) {
    throw Error(concat(file_.path().string(), ": record at byte ", offset, ": ", what));
  };
  Record record;
  uint64_t at = offset;
  for (uint32_t chunk = 0;; ++chunk) {
    if (at > size() || size() - at < kHeadBytes) fail("the file ends inside it");
    std::array<uint32_t, 2> head{};
    file_.readAt(at, head.data(), sizeof head);
    if (head[0] == kOldMagic) fail("written by an early RecordIO, which can't be read");
    if (head[0] != kMagic) fail("no RecordIO magic number");
    const uint64_t length = head[1] & 0x1fffffffU;
    const uint32_t continuation = head[1] >> 29;
    at += kHeadBytes;
    if (length > size() - at) fail("the file ends inside it");
    const bool opens = continuation <= 1;
    if (continuation > 3 || opens != (chunk == 0)) fail("its chunks are out of order");
    if (continuation == 1 || continuation == 2) {
      if (length % 4 != 0) fail("a chunk of odd length goes on");
    }
    if (chunk > 0) {
      const uint32_t magic = kMagic;
      record.payload.append(reinterpret_cast<const char*>(&magic), sizeof magic);
    }
    const uint64_t wanted = continuation == 0 ? std::min(length, most) : length;
    const size_t before = record.payload.size();
    record.payload.resize(before + wanted);
    file_.readAt(at, record.payload.data() + before, wanted);
    record.payload_bytes =
        continuation == 0 ? length : static_cast<uint64_t>(record.payload.size());
    // The last record's padding may be missing.
    at = std::min(at + (length + 3) / 4 * 4, size());
    if (continuation == 0 || continuation == 3) break;
  }
  record.next = at;
  return record;
}

}  // namespace sphereface
