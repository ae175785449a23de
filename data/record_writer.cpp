// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/record_writer.h"

#include <bit>
#include <sstream>
#include <utility>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/progress.h"
#include "data/lmdb_check.h"
#include "proto/caffe.pb.h"

namespace sphereface {

namespace fs = std::filesystem;

std::string RecordWriter::lineOf(const Done& done) {
  return concat(done.records, " ", done.grey, " ", done.turned, " ", done.encodings, " ",
                done.sha256, "\n");
}

RecordWriter::RecordWriter(fs::path folder, const std::string& what, std::string& note)
    : folder_(std::move(folder)), writer_(folder_) {
  if (!fs::is_empty(folder_)) {
    try {
      if (!resume(what)) note = "input or options differ";
    } catch (const Error& e) {
      note = e.what();
    }
  }
  const bool resumed = done_.records > 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_)) {
    const fs::path name = entry.path().filename();
    if (!resumed || (name != "data.mdb" && name != kJournal)) fs::remove_all(entry.path());
  }
  if (!resumed) {
    hash_ = Sha256();
    digests_.clear();
  }
  writeFileAtomically(folder_ / kJournal, what + "\n" + (resumed ? lineOf(done_) : std::string()));
  journal_.open(folder_ / kJournal, std::ios::binary | std::ios::app);
}

/// False when something else was being packed. errors: Error when what is there can't be used.
bool RecordWriter::resume(const std::string& what) {
  if (!fs::exists(folder_ / kJournal)) throw Error("no packing.txt in it");
  std::istringstream journal(readFile(folder_ / kJournal));
  std::string line;
  if (!std::getline(journal, line) || line != what) return false;
  checkLmdb(folder_ / "data.mdb");
  {
    const LmdbReader reader(folder_);
    Progress progress("resuming", reader.entries(), "records");
    caffe::Datum datum;
    reader.forEach([&](std::string_view key, std::string_view value) {
      hash_.update(key);
      hash_.update(value);
      if (!datum.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
        throw Error("a record is no Datum");
      }
      digests_.push_back(imageDigest(datum.data()));
      progress.add();
    });
  }
  const std::string sum = hash_.hex();
  for (Done done;
       journal >> done.records >> done.grey >> done.turned >> done.encodings >> done.sha256;) {
    if (done.records != digests_.size()) continue;
    if (done.sha256 != sum) throw Error("its records have another sum than when they were written");
    done_ = done;
    return true;
  }
  throw Error("its records end in the middle of a chunk");
}

void RecordWriter::write(std::vector<PreparedRecord> chunk) {
  for (PreparedRecord& record : chunk) {
    hash_.update(record.key);
    hash_.update(record.value);
    digests_.push_back(record.digest);
    done_.grey += record.grey ? 1 : 0;
    done_.turned += record.turned ? 1 : 0;
    done_.encodings |= 1U << record.encoding;
    writer_.put(std::move(record.key), std::move(record.value));
  }
  done_.records += chunk.size();
  done_.sha256 = hash_.hex();
  if (!(journal_ << lineOf(done_) << std::flush)) {
    throw Error(concat("cannot write ", (folder_ / kJournal).string(), " (is the disk full?)"));
  }
  writer_.commit();
}

DatasetManifest::Encoding RecordWriter::encoding() const {
  if (!std::has_single_bit(done_.encodings)) return DatasetManifest::MIXED;
  return static_cast<DatasetManifest::Encoding>(std::countr_zero(done_.encodings));
}

}  // namespace sphereface
