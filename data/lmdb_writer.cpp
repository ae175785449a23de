// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/lmdb_writer.h"

#include <lmdb.h>

#include "base/error.h"

namespace sphereface {
namespace {

// A transaction's dirty pages are in memory until it commits.
constexpr uint64_t kTransactionBytes = 64ULL << 20;
// Address space, not memory or disk: the file grows as it is filled.
constexpr uint64_t kMapBytes = 4ULL << 40;

MDB_val valueOf(std::string_view bytes) {
  return {bytes.size(), const_cast<char*>(bytes.data())};
}

}  // namespace

LmdbWriter::LmdbWriter(const std::filesystem::path& folder) : file_(folder / "data.mdb") {
  try {
    check(mdb_env_create(&environment_));
    check(mdb_env_set_mapsize(environment_, kMapBytes));
    // Nobody else sees the folder before it is renamed: no lock, and one sync at the end.
    check(mdb_env_open(environment_, file_.c_str(), MDB_NOSUBDIR | MDB_NOLOCK | MDB_NOSYNC, 0644));
    begin();
  } catch (...) {
    if (environment_ != nullptr) mdb_env_close(environment_);
    throw;
  }
}

LmdbWriter::~LmdbWriter() {
  if (transaction_ != nullptr) mdb_txn_abort(transaction_);
  mdb_env_close(environment_);
}

void LmdbWriter::put(std::string_view key, std::string_view value) {
  MDB_val k = valueOf(key);
  MDB_val v = valueOf(value);
  check(mdb_put(transaction_, database_, &k, &v, MDB_APPEND));
  in_transaction_ += key.size() + value.size();
  if (in_transaction_ > kTransactionBytes) {
    commit();
    begin();
  }
}

void LmdbWriter::finish() {
  commit();
  check(mdb_env_sync(environment_, 1));
}

void LmdbWriter::check(int status) const {
  if (status != MDB_SUCCESS) {
    throw Error(concat("cannot write ", file_.string(), ": ", mdb_strerror(status)));
  }
}

void LmdbWriter::begin() {
  check(mdb_txn_begin(environment_, nullptr, 0, &transaction_));
  check(mdb_dbi_open(transaction_, nullptr, 0, &database_));
  in_transaction_ = 0;
}

void LmdbWriter::commit() {
  MDB_txn* transaction = transaction_;
  transaction_ = nullptr;
  check(mdb_txn_commit(transaction));
}

}  // namespace sphereface
