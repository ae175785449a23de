// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Physical records of an MXNet RecordIO file (dmlc's recordio.h), little endian:
//
//     u32 magic 0xced7230a
//     u32 length of the chunk in the low 29 bits, continuation in the high 3
//     chunk, padded with zeros to a multiple of 4
//
// Continuation 0 is a whole record. A payload that contains the magic number at a multiple of 4 is
// cut there into chunks (1 the first, 2 more, 3 the last), the magic itself left out; a reader puts
// it back between them.

#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/random_access_file.h"

namespace sphereface {

/// Read-only and thread-safe.
class RecordFile {
 public:
  /// errors: Error naming the file when it can't be opened.
  explicit RecordFile(const std::filesystem::path& path) : file_(path) {}

  uint64_t size() const { return file_.size(); }

  struct Record {
    std::string payload;
    uint64_t payload_bytes = 0;  // of the whole payload, even if `payload` is its beginning alone
    uint64_t next = 0;           // offset of the record after it
  };

  /// The record at a byte offset. errors: Error naming file and offset when there is no whole
  /// record.
  Record read(uint64_t offset) const { return read(offset, UINT64_MAX); }
  /// The same with no more of its payload than `most` bytes, unless the record was cut into chunks.
  Record read(uint64_t offset, uint64_t most) const;

 private:
  RandomAccessFile file_;
};

}  // namespace sphereface
