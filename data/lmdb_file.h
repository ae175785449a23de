// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The two things we do with an LMDB folder: write one front to back, and read a finished one from
// many threads.

#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

struct MDB_env;

namespace sphereface {

/// Read-only and thread-safe, of a file that nobody writes: no lock is taken, as many clusters'
/// file systems have none. Not to be used across a fork.
///
/// LMDB trusts the file it maps. A read that is led outside it, or finds that the file has become
/// shorter, ends in an Error all the same (base/survived_fault.h), and what LMDB answers is checked
/// before it is used. So a damaged file gives errors, or records of other contents.
class LmdbReader {
 public:
  /// The views are of copies, which end with the call.
  using Use = std::function<void(std::string_view key, std::string_view value)>;

  /// errors: Error naming the file when it is missing, no LMDB, or shorter than its own header
  /// says.
  explicit LmdbReader(const std::filesystem::path& folder);
  LmdbReader(const LmdbReader&) = delete;
  LmdbReader& operator=(const LmdbReader&) = delete;
  ~LmdbReader();

  uint64_t entries() const { return entries_; }

  /// Calls `use` with the first record whose key is >= `from`. False when there is none.
  /// errors: Error naming the file, when it is damaged.
  bool find(std::string_view from, const Use& use) const;
  /// Calls `use` with every record, in key order.
  void forEach(const Use& use) const;

 private:
  class Cursor;
  [[noreturn]] void failDamaged() const;

  std::filesystem::path file_;
  MDB_env* env_ = nullptr;
  unsigned database_ = 0;
  uint64_t entries_ = 0;
  size_t page_bytes_ = 0;
  std::string_view map_;  // the file in memory
};

/// Writes an LMDB front to back: data.mdb in an existing folder, new or ended by an earlier
/// writer's commit. The same records in the same commits give the same bytes, no matter how many
/// writers made them one after the other. Nothing is synced to the disk before commitDirectory()
/// does.
class LmdbWriter {
 public:
  explicit LmdbWriter(const std::filesystem::path& folder) : file_(folder / "data.mdb") {}

  /// requires: keys in ascending order, beyond those that are there, at most kMaxKey bytes.
  void put(std::string key, std::string value);
  /// Writes what was put since the last commit: all of it or, when the process is killed, nothing.
  /// errors: Error (disk full, ...).
  void commit();

  static constexpr size_t kMaxKey = 511;

 private:
  bool tryCommit();

  std::filesystem::path file_;
  // Doubled whenever it is full.
  size_t map_bytes_ = size_t{64} << 20;
  std::vector<std::pair<std::string, std::string>> batch_;
  size_t batch_bytes_ = 0;
};

}  // namespace sphereface
