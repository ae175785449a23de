// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Writes a data set's records in chunks, and goes on where a killed writer was.
//
// Beside data.mdb lies, until the data set is complete, packing.txt: a first line that says what is
// being packed, then for each chunk, written before the chunk is committed,
//
//     RECORDS GREY TURNED ENCODINGS SHA256
//
// with all records up to that chunk's end. So the LMDB always ends where one of the lines does, and
// what is in it must have that line's sum; otherwise it isn't gone on with.

#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/sha256.h"
#include "data/lmdb_file.h"
#include "data/repeated_images.h"
#include "proto/manifest.pb.h"

namespace sphereface {

struct PreparedRecord {
  std::string key;
  std::string value;   // Datum
  ImageDigest digest;  // of the image's bytes in it
  DatasetManifest::Encoding encoding = DatasetManifest::JPEG;
  bool grey = false;
  bool turned = false;  // Exif asks for it
};

class RecordWriter {
 public:
  /// `what` is one line that is equal for equal input and options. Anything else in `folder` that
  /// isn't gone on with is removed; `note` then says why, when there was something.
  RecordWriter(std::filesystem::path folder, const std::string& what, std::string& note);

  /// Records that are there.
  uint64_t records() const { return done_.records; }
  uint64_t grey() const { return done_.grey; }
  uint64_t turned() const { return done_.turned; }
  /// Of each record's image.
  const std::vector<ImageDigest>& digests() const { return digests_; }
  DatasetManifest::Encoding encoding() const;
  /// As the manifest has it.
  std::string sha256() const { return hash_.hex(); }

  /// Commits the next records. requires: chunks end where those of every other packing do.
  void write(std::vector<PreparedRecord> chunk);

  /// To be removed from the finished data set.
  static constexpr const char* kJournal = "packing.txt";

 private:
  struct Done {
    uint64_t records = 0;
    uint64_t grey = 0;
    uint64_t turned = 0;
    unsigned encodings = 0;  // bit 1 << Encoding
    std::string sha256;
  };
  static std::string lineOf(const Done& done);
  bool resume(const std::string& what);

  std::filesystem::path folder_;
  Done done_;
  Sha256 hash_;
  std::vector<ImageDigest> digests_;
  LmdbWriter writer_;
  std::ofstream journal_;
};

}  // namespace sphereface
