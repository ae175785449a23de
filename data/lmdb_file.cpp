// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/lmdb_file.h"

#include <lmdb.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <memory>
#include <mutex>
#include <utility>

#include "base/error.h"
#include "base/survived_fault.h"
#include "data/number_at.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

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

/// LMDB's answer to a damaged page is an assertion, which would end the process.
void onAssertion(MDB_env* /*env*/, const char* /*assertion*/) {
  leaveAsByFault();
}

/// The files that this process has mapped to be read, from their beginnings.
std::vector<std::string_view> mappedFiles() {
  std::vector<std::string_view> found;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    // 7f1c-7f1d r--s 00000000 08:01 1234   /path
    void* begin = nullptr;
    void* end = nullptr;
    int length = 0;
    if (std::sscanf(line.c_str(), "%p-%p r--s 00000000 %n", &begin, &end, &length) == 2 &&
        length > 0) {
      const char* const first = static_cast<const char*>(begin);
      found.emplace_back(first, static_cast<const char*>(end) - first);
    }
  }
  return found;
}

/// One of `bytes` that is there now and wasn't `before`: LMDB keeps to itself where it has a file,
/// and some file systems give the map another inode than the file. Empty when there is none.
std::string_view newMap(const std::vector<std::string_view>& before, uintmax_t bytes) {
  const auto page = static_cast<uintmax_t>(::sysconf(_SC_PAGESIZE));
  for (const std::string_view map : mappedFiles()) {
    const bool old = std::ranges::find(before, map.data(), &std::string_view::data) != before.end();
    if (!old && map.size() == (bytes + page - 1) / page * page) return map;
  }
  return {};
}

/// Memory for a record, which a thread's next record uses again; one that is read while another is
/// used has its own.
class RecordCopy {
 public:
  explicit RecordCopy(size_t size) : bytes_(std::move(spare)) {
    if (bytes_.size() < size) bytes_.resize(size);
  }
  RecordCopy(const RecordCopy&) = delete;
  RecordCopy& operator=(const RecordCopy&) = delete;
  ~RecordCopy() { spare = std::move(bytes_); }

  char* bytes() { return bytes_.data(); }

 private:
  static thread_local std::vector<char> spare;
  std::vector<char> bytes_;
};

thread_local std::vector<char> RecordCopy::spare;

}  // namespace

void LmdbReader::failDamaged() const {
  throw Error(concat(file_.string(), ": damaged, or cut off while it was read"));
}

/// A read transaction and its cursor, ended together.
class LmdbReader::Cursor {
 public:
  explicit Cursor(const LmdbReader& reader) : reader_(reader) {
    int status = MDB_SUCCESS;
    const bool begun = survivesFaults([&] {
      status = mdb_txn_begin(reader.env_, nullptr, MDB_RDONLY, &transaction_);
      if (status == MDB_SUCCESS) status = mdb_cursor_open(transaction_, reader.database_, &cursor_);
    });
    if (begun && status == MDB_SUCCESS) return;
    if (transaction_ != nullptr) mdb_txn_abort(transaction_);
    if (!begun) reader.failDamaged();
    check(status, reader.file_, "read");
  }
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;
  ~Cursor() {
    mdb_cursor_close(cursor_);
    mdb_txn_abort(transaction_);
  }

  /// False when there is no such record. `from`: where MDB_SET_RANGE begins.
  bool get(MDB_cursor_op operation, std::string_view from, const Use& use) {
    MDB_val key = toVal(from);
    MDB_val value{};
    int status = MDB_SUCCESS;
    if (!survivesFaults([&] { status = mdb_cursor_get(cursor_, &key, &value, operation); })) {
      reader_.failDamaged();
    }
    if (status == MDB_NOTFOUND) return false;
    check(status, reader_.file_, "read");
    if (!isWithinPage(key) || !(isWithinPage(value) || isWithinOverflowPages(value))) {
      reader_.failDamaged();
    }
    RecordCopy copy(key.mv_size + value.mv_size);
    char* const bytes = copy.bytes();
    if (!survivesFaults([&] {
          std::memcpy(bytes, key.mv_data, key.mv_size);
          std::memcpy(bytes + key.mv_size, value.mv_data, value.mv_size);
        })) {
      reader_.failDamaged();
    }
    const std::string_view found(bytes, key.mv_size);
    if (found < from) reader_.failDamaged();
    use(found, {bytes + key.mv_size, value.mv_size});
    return true;
  }

 private:
  /// SIZE_MAX: outside.
  size_t offsetOf(const MDB_val& bytes) const {
    const auto at = reinterpret_cast<uintptr_t>(bytes.mv_data);
    const auto begin = reinterpret_cast<uintptr_t>(reader_.map_.data());
    return at >= begin && at - begin < reader_.map_.size() ? at - begin : SIZE_MAX;
  }

  bool isWithinPage(const MDB_val& bytes) const {
    const size_t at = offsetOf(bytes);
    return at != SIZE_MAX && bytes.mv_size <= reader_.page_bytes_ - at % reader_.page_bytes_;
  }

  /// Those begin with one header, which says how many they are (layout: lmdb_check.h).
  bool isWithinOverflowPages(const MDB_val& bytes) const {
    constexpr size_t kHeader = 16;
    constexpr uint16_t kOverflow = 4;
    const size_t at = offsetOf(bytes);
    if (at == SIZE_MAX || at % reader_.page_bytes_ != kHeader) return false;
    std::array<char, kHeader> header{};
    const char* const from = reader_.map_.data() + at - kHeader;
    if (!survivesFaults([&] { std::memcpy(header.data(), from, kHeader); })) return false;
    const std::string_view view(header.data(), kHeader);
    const uint64_t count = numberAt<uint32_t>(view, 12);
    return numberAt<uint64_t>(view, 0) == at / reader_.page_bytes_ &&
           (numberAt<uint16_t>(view, 10) & kOverflow) != 0 &&
           count <= (reader_.map_.size() - at) / reader_.page_bytes_ + 1 &&
           kHeader + bytes.mv_size <= count * reader_.page_bytes_;
  }

  const LmdbReader& reader_;
  MDB_txn* transaction_ = nullptr;
  MDB_cursor* cursor_ = nullptr;
};

LmdbReader::LmdbReader(const fs::path& folder) : file_(folder / "data.mdb") {
  checkHead(file_);
  catchFaults();
  // Two that open files at once would take each other's maps for their own.
  static std::mutex opening;
  const std::lock_guard guard(opening);
  const std::vector<std::string_view> before = mappedFiles();
  check(mdb_env_create(&env_), file_, "open");
  try {
    // A file remembers its writer's map, which for Caffe's is a terabyte; reading needs its own
    // size, and clusters limit address space.
    const uintmax_t present = fs::file_size(file_);
    check(mdb_env_set_mapsize(env_, present), file_, "open");
    check(mdb_env_set_assert(env_, onAssertion), file_, "open");
    MDB_envinfo info{};
    MDB_stat stat{};
    unsigned flags = 0;
    int status = MDB_SUCCESS;
    const bool opened = survivesFaults([&] {
      status = mdb_env_open(env_, folder.c_str(), MDB_RDONLY | MDB_NOTLS | MDB_NOLOCK, 0644);
      if (status == MDB_SUCCESS) status = mdb_env_info(env_, &info);
      if (status == MDB_SUCCESS) status = mdb_env_stat(env_, &stat);
      MDB_txn* transaction = nullptr;
      if (status == MDB_SUCCESS) status = mdb_txn_begin(env_, nullptr, MDB_RDONLY, &transaction);
      if (status != MDB_SUCCESS) return;
      status = mdb_dbi_open(transaction, nullptr, 0, &database_);
      if (status == MDB_SUCCESS) status = mdb_dbi_flags(transaction, database_, &flags);
      // Committing keeps the handle for the transactions to come.
      const int ended = mdb_txn_commit(transaction);
      if (status == MDB_SUCCESS) status = ended;
    });
    if (!opened) failDamaged();
    check(status, file_, "open");
    if (flags != 0) failDamaged();
    if (info.me_last_pgno >= present / stat.ms_psize) {
      throw Error(concat(file_.string(), ": truncated: ", present, " bytes, but its last page is ",
                         info.me_last_pgno, ", each of ", stat.ms_psize));
    }
    entries_ = stat.ms_entries;
    page_bytes_ = stat.ms_psize;
    map_ = newMap(before, present);
    if (map_.empty()) throw Error(concat("cannot tell where ", file_.string(), " is in memory"));
  } catch (...) {
    mdb_env_close(env_);
    throw;
  }
}

LmdbReader::~LmdbReader() {
  mdb_env_close(env_);
}

bool LmdbReader::find(std::string_view from, const Use& use) const {
  return Cursor(*this).get(MDB_SET_RANGE, from, use);
}

void LmdbReader::forEach(const Use& use) const {
  Cursor cursor(*this);
  uint64_t count = 0;
  std::string last;
  const auto next = [&](std::string_view key, std::string_view value) {
    if (count++ > 0 && key <= last) failDamaged();
    last = key;
    use(key, value);
  };
  while (cursor.get(MDB_NEXT, {}, next)) {
  }
  if (count != entries_) failDamaged();
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
