// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

struct MDB_env;
struct MDB_txn;

namespace sphereface {

/// Makes a new LMDB in a folder from records in ascending key order.
class LmdbWriter {
 public:
  /// errors: Error naming the file and LMDB's or the system's reason; so for all members.
  explicit LmdbWriter(const std::filesystem::path& folder);
  LmdbWriter(const LmdbWriter&) = delete;
  LmdbWriter& operator=(const LmdbWriter&) = delete;
  ~LmdbWriter();

  /// requires: key greater than all keys before, at most 511 bytes.
  void put(std::string_view key, std::string_view value);
  /// Commits and syncs. Without it nothing that was put may be relied on.
  void finish();

 private:
  void check(int status) const;
  void begin();
  void commit();

  std::filesystem::path file_;
  MDB_env* environment_ = nullptr;
  MDB_txn* transaction_ = nullptr;
  unsigned database_ = 0;
  uint64_t in_transaction_ = 0;  // bytes
};

}  // namespace sphereface
