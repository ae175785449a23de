// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/lmdb_file.h"

#include <lmdb.h>

#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>

#include "base/error.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

/// Reader slots for all processes together; LMDB's 126 are few for 8 workers of 16 threads.
constexpr unsigned kReaders = 2048;

void check(int status, const fs::path& file, const char* what) {
  if (status != MDB_SUCCESS) {
    throw Error(concat("cannot ", what, " ", file.string(), ": ", mdb_strerror(status)));
  }
}

/// On the file's file system; "plenty" when the system won't tell.
uintmax_t freeBytes(const fs::path& file) {
  std::error_code failed;
  const fs::space_info space = fs::space(file, failed);
  return failed ? UINTMAX_MAX : space.available;
}

MDB_val toVal(std::string_view bytes) {
  return {bytes.size(), const_cast<char*>(bytes.data())};
}

std::string_view toView(const MDB_val& value) {
  return {static_cast<const char*>(value.mv_data), value.mv_size};
}

/// A read transaction and its cursor, ended together.
class ReadCursor {
 public:
  ReadCursor(MDB_env* env, unsigned database, const fs::path& file) {
    check(mdb_txn_begin(env, nullptr, MDB_RDONLY, &transaction_), file, "read");
    const int status = mdb_cursor_open(transaction_, database, &cursor_);
    if (status != MDB_SUCCESS) mdb_txn_abort(transaction_);
    check(status, file, "read");
  }
  ReadCursor(const ReadCursor&) = delete;
  ReadCursor& operator=(const ReadCursor&) = delete;
  ~ReadCursor() {
    mdb_cursor_close(cursor_);
    mdb_txn_abort(transaction_);
  }
  MDB_cursor* get() const { return cursor_; }

 private:
  MDB_txn* transaction_ = nullptr;
  MDB_cursor* cursor_ = nullptr;
};

/// LMDB trusts the page size it finds, so the head is checked before LMDB sees the file.
/// Layout: 16 bytes of page header, then magic, version, address, map size, and the free list's
/// tree record, which begins with the page size.
void checkHead(const fs::path& file) {
  constexpr uint32_t kMagic = 0xBEEFC0DE;
  constexpr uint32_t kVersion = 1;
  std::array<uint32_t, 11> head{};
  std::ifstream in(file, std::ios::binary);
  if (!in) throw Error(concat("cannot open ", file.string(), ": ", std::strerror(errno)));
  in.read(reinterpret_cast<char*>(head.data()), sizeof head);
  if (!in || head[4] != kMagic) throw Error(concat(file.string(), ": not an LMDB file"));
  if (head[5] != kVersion) {
    throw Error(concat(file.string(), ": LMDB format version ", head[5], "; only version ",
                       kVersion, " can be read"));
  }
  const uint32_t page = head[10];
  if (!std::has_single_bit(page) || page < 512 || page > 65536) {
    throw Error(concat(file.string(), ": corrupt LMDB file: page size ", page));
  }
  if (fs::file_size(file) < 2 * uintmax_t{page}) {
    throw Error(concat(file.string(), ": truncated: ", fs::file_size(file), " bytes"));
  }
}

/// LMDB's answer to a damaged page is an assertion, which would end the process. It is called from
/// reads alone, whose transaction ReadCursor ends.
void throwCorrupt(MDB_env* env, const char* assertion) {
  const auto* file = static_cast<const fs::path*>(mdb_env_get_userctx(env));
  throw Error(concat(file->string(), ": corrupt: ", assertion));
}

MDB_env* openReadOnly(const fs::path& file, unsigned flags, int& status) {
  MDB_env* env = nullptr;
  check(mdb_env_create(&env), file, "open");
  mdb_env_set_maxreaders(env, kReaders);
  // A file remembers its writer's map, which for Caffe's is a terabyte; reading needs its own size,
  // and clusters limit address space.
  mdb_env_set_mapsize(env, fs::file_size(file));
  status = mdb_env_open(env, file.parent_path().c_str(), MDB_RDONLY | MDB_NOTLS | flags, 0644);
  if (status == MDB_SUCCESS) return env;
  mdb_env_close(env);
  return nullptr;
}

}  // namespace

LmdbReader::LmdbReader(const fs::path& folder) : file_(folder / "data.mdb") {
  checkHead(file_);
  int status = MDB_SUCCESS;
  env_ = openReadOnly(file_, 0, status);
  // Where no lock file can be made, nobody writes either.
  if (status == EACCES || status == EPERM || status == EROFS) {
    env_ = openReadOnly(file_, MDB_NOLOCK, status);
  }
  check(status, file_, "open");
  try {
    MDB_envinfo info{};
    MDB_stat stat{};
    check(mdb_env_info(env_, &info), file_, "open");
    check(mdb_env_stat(env_, &stat), file_, "open");
    const uintmax_t needed = (uintmax_t{info.me_last_pgno} + 1) * stat.ms_psize;
    const uintmax_t present = fs::file_size(file_);
    if (present < needed) {
      throw Error(concat(file_.string(), ": truncated: ", present, " bytes of ", needed));
    }
    entries_ = stat.ms_entries;
    check(mdb_env_set_userctx(env_, &file_), file_, "open");
    check(mdb_env_set_assert(env_, throwCorrupt), file_, "open");
    // Slots of readers that were killed are given back.
    int dead = 0;
    mdb_reader_check(env_, &dead);
    MDB_txn* transaction = nullptr;
    check(mdb_txn_begin(env_, nullptr, MDB_RDONLY, &transaction), file_, "read");
    const int opened = mdb_dbi_open(transaction, nullptr, 0, &database_);
    // Committing keeps the handle for the transactions to come.
    const int ended = opened == MDB_SUCCESS ? mdb_txn_commit(transaction) : opened;
    if (opened != MDB_SUCCESS) mdb_txn_abort(transaction);
    check(ended, file_, "read");
  } catch (...) {
    mdb_env_close(env_);
    throw;
  }
}

LmdbReader::~LmdbReader() {
  mdb_env_close(env_);
}

bool LmdbReader::find(std::string_view from, const Use& use) const {
  const ReadCursor cursor(env_, database_, file_);
  MDB_val key = toVal(from);
  MDB_val value{};
  const int status = mdb_cursor_get(cursor.get(), &key, &value, MDB_SET_RANGE);
  if (status == MDB_NOTFOUND) return false;
  check(status, file_, "read");
  use(toView(key), toView(value));
  return true;
}

void LmdbReader::forEach(const Use& use) const {
  const ReadCursor cursor(env_, database_, file_);
  MDB_val key{};
  MDB_val value{};
  int status = MDB_SUCCESS;
  while ((status = mdb_cursor_get(cursor.get(), &key, &value, MDB_NEXT)) == MDB_SUCCESS)
    use(toView(key), toView(value));
  if (status != MDB_NOTFOUND) check(status, file_, "read");
}

void LmdbWriter::put(std::string key, std::string value) {
  batch_bytes_ += key.size() + value.size();
  batch_.emplace_back(std::move(key), std::move(value));
}

void LmdbWriter::commit() {
  if (batch_.empty()) return;
  while (!tryCommit())
    map_bytes_ *= 2;
  batch_.clear();
  batch_bytes_ = 0;
}

/// False when the map is too small; nothing has been written then. LMDB is opened anew for every
/// try: what an environment remembers from one transaction to the next (pages to use again, and
/// what stood in them) shows in the file, which must not tell where a writer was interrupted.
bool LmdbWriter::tryCommit() {
  MDB_env* made = nullptr;
  check(mdb_env_create(&made), file_, "create");
  const std::unique_ptr<MDB_env, void (*)(MDB_env*)> env(made, mdb_env_close);
  check(mdb_env_set_mapsize(env.get(), map_bytes_), file_, "create");
  check(mdb_env_open(env.get(), file_.parent_path().c_str(), MDB_NOLOCK | MDB_NOSYNC, 0644), file_,
        "open");
  MDB_txn* transaction = nullptr;
  check(mdb_txn_begin(env.get(), nullptr, 0, &transaction), file_, "write");
  MDB_dbi database = 0;
  int status = mdb_dbi_open(transaction, nullptr, 0, &database);
  for (size_t i = 0; i < batch_.size() && status == MDB_SUCCESS; ++i) {
    MDB_val key = toVal(batch_[i].first);
    MDB_val value = toVal(batch_[i].second);
    status = mdb_put(transaction, database, &key, &value, MDB_APPEND);
  }
  if (status == MDB_SUCCESS) {
    status = mdb_txn_commit(transaction);
  } else {
    mdb_txn_abort(transaction);
  }
  if (status == MDB_MAP_FULL) return false;
  // LMDB reports a write that was cut short as an input/output error.
  const uintmax_t free_bytes = status == MDB_SUCCESS ? 0 : freeBytes(file_);
  if (status != MDB_SUCCESS && free_bytes < 2 * batch_bytes_) {
    throw Error(concat("cannot write ", file_.string(), ": the disk is full (", free_bytes,
                       " bytes are free)"));
  }
  check(status, file_, "write");
  return true;
}

}  // namespace sphereface
