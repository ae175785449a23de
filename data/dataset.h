// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// A packed data set: a folder with an LMDB of Caffe Datums and the manifest that says what is in
// it. Records are numbered 0 .. size()-1 in key order; keys begin with that number as eight decimal
// digits, so a record is found by its number without an index.

#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <opencv2/core.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "proto/manifest.pb.h"

namespace sphereface {

/// A record that can't be used: undecodable, of the wrong shape, or with a label outside
/// 0 .. classes-1. The message names the data set and the record.
class BadRecord : public Error {
 public:
  enum class Reason { kUndecodable, kWrongShape, kBadLabel };
  BadRecord(Reason reason, const std::string& problem) : Error(problem), reason_(reason) {}
  Reason reason() const { return reason_; }

 private:
  Reason reason_;
};

/// "00000042_", with which a record's key begins.
std::string recordKeyPrefix(uint64_t index);

/// Read-only and thread-safe, on whatever file system; on one of a network its reads are slow.
class Dataset {
 public:
  struct Sample {
    cv::Mat image;  // 8-bit BGR, manifest().height() x width()
    int label = 0;
  };

  /// errors: Error when the folder, its manifest or its LMDB is missing, truncated or corrupt, or
  /// when they disagree about the number of records.
  explicit Dataset(const std::filesystem::path& folder);
  ~Dataset();

  const DatasetManifest& manifest() const { return manifest_; }
  const std::filesystem::path& folder() const { return folder_; }
  uint64_t size() const { return manifest_.records(); }

  /// requires: index < size(). errors: BadRecord; Error when the LMDB can't be read.
  Sample read(uint64_t index) const;
  /// The same with the image as its B, G and R planes in `planes`, whose memory is reused. Returns
  /// the label.
  int readPlanes(uint64_t index, std::vector<uint8_t>& planes) const;
  /// The record as it is stored, undecoded: its label, not checked against the classes, and the
  /// bytes of its image, which end with the call.
  void stored(uint64_t index, const std::function<void(int, std::string_view)>& use) const;
  /// That label alone.
  int label(uint64_t index) const;
  /// The record's key: its number, '_', and the name it was packed from.
  std::string key(uint64_t index) const;

  /// Reads every record's bytes and compares their SHA-256 with the manifest's.
  /// errors: Error with both sums.
  void verify() const;

 private:
  struct Lmdb;
  std::filesystem::path folder_;
  DatasetManifest manifest_;
  std::unique_ptr<Lmdb> lmdb_;
};

}  // namespace sphereface
