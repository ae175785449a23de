// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/dataset.h"

#include <lmdb.h>

#include <algorithm>
#include <functional>
#include <string_view>

#include "base/image_file.h"
#include "base/progress.h"
#include "base/sha256.h"
#include "data/record_key.h"
#include "proto/caffe.pb.h"
#include "proto/text_format.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

std::string_view viewOf(const MDB_val& value) {
  return {static_cast<const char*>(value.mv_data), value.mv_size};
}

/// 8-bit BGR from planar B, G, R bytes.
cv::Mat interleave(std::string_view planes, int height, int width) {
  cv::Mat image(height, width, CV_8UC3);
  const size_t plane = image.total();
  for (size_t i = 0; i < plane; ++i) {
    auto& pixel = image.at<cv::Vec3b>(static_cast<int>(i / static_cast<size_t>(width)),
                                      static_cast<int>(i % static_cast<size_t>(width)));
    for (size_t c = 0; c < 3; ++c) {
      pixel[static_cast<int>(c)] = static_cast<uchar>(planes[c * plane + i]);
    }
  }
  return image;
}

}  // namespace

struct Dataset::Lmdb {
  explicit Lmdb(fs::path data_file) : file(std::move(data_file)) {}
  Lmdb(const Lmdb&) = delete;
  Lmdb& operator=(const Lmdb&) = delete;
  ~Lmdb() {
    if (environment != nullptr) mdb_env_close(environment);
  }

  void check(int status) const {
    if (status != MDB_SUCCESS) {
      throw Error(concat(file.string(), ": not a readable LMDB: ", mdb_strerror(status)));
    }
  }

  void open() {
    check(mdb_env_create(&environment));
    // The file may be larger than the default map.
    check(mdb_env_set_mapsize(environment, fs::file_size(file)));
    // One writer never meets us: a packed set isn't changed. So no lock file, which read-only media
    // can't hold and thousands of readers would fill.
    check(mdb_env_open(environment, file.c_str(),
                       MDB_RDONLY | MDB_NOLOCK | MDB_NOTLS | MDB_NOSUBDIR | MDB_NORDAHEAD, 0644));
    // The file is read through a memory map: a page that isn't there would end the process by a
    // signal.
    MDB_envinfo info;
    MDB_stat stat;
    check(mdb_env_info(environment, &info));
    check(mdb_env_stat(environment, &stat));
    const uint64_t needed = (static_cast<uint64_t>(info.me_last_pgno) + 1) * stat.ms_psize;
    if (fs::file_size(file) < needed) {
      throw Error(concat(file.string(), ": truncated: ", fs::file_size(file), " bytes of ", needed));
    }
    entries = stat.ms_entries;
  }

  /// Calls use(cursor) inside a read transaction.
  void read(const std::function<void(MDB_cursor*)>& use) const {
    MDB_txn* transaction = nullptr;
    check(mdb_txn_begin(environment, nullptr, MDB_RDONLY, &transaction));
    MDB_cursor* cursor = nullptr;
    try {
      MDB_dbi database = 0;
      check(mdb_dbi_open(transaction, nullptr, 0, &database));
      check(mdb_cursor_open(transaction, database, &cursor));
      use(cursor);
    } catch (...) {
      if (cursor != nullptr) mdb_cursor_close(cursor);
      mdb_txn_abort(transaction);
      throw;
    }
    mdb_cursor_close(cursor);
    mdb_txn_abort(transaction);
  }

  /// Calls use(key, value) with record `index`.
  void readRecord(uint64_t index,
                  const std::function<void(std::string_view, std::string_view)>& use) const {
    read([&](MDB_cursor* cursor) {
      std::string prefix = recordPrefix(index);
      MDB_val key = {prefix.size(), prefix.data()};
      MDB_val value = {0, nullptr};
      const int status = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
      if (status == MDB_NOTFOUND || (status == MDB_SUCCESS && !viewOf(key).starts_with(prefix))) {
        throw Error(concat(file.string(), ": no record with key ", prefix, "..."));
      }
      check(status);
      use(viewOf(key), viewOf(value));
    });
  }

  fs::path file;
  MDB_env* environment = nullptr;
  uint64_t entries = 0;
};

Dataset::Dataset(const fs::path& folder) : folder_(folder) {
  const fs::path manifest = folder / kDatasetManifest;
  if (!fs::is_directory(folder)) throw Error(concat("no such data set: ", folder.string()));
  if (!fs::exists(manifest)) {
    throw Error(concat(folder.string(), " has no ", kDatasetManifest,
                       ": it wasn't made by sphereface pack"));
  }
  parseTextFile(manifest, manifest_);
  if (manifest_.format_version() != kDatasetFormatVersion) {
    throw Error(concat(manifest.string(), ": format version ", manifest_.format_version(),
                       ", this program reads ", kDatasetFormatVersion));
  }
  lmdb_ = std::make_unique<Lmdb>(folder / "data.mdb");
  if (!fs::exists(lmdb_->file)) throw Error(concat(lmdb_->file.string(), " is missing"));
  lmdb_->open();
  if (lmdb_->entries != manifest_.records() || manifest_.records() == 0) {
    throw Error(concat(folder.string(), ": ", lmdb_->entries, " records, the manifest says ",
                       manifest_.records()));
  }
}

Dataset::~Dataset() = default;

Dataset::Sample Dataset::read(uint64_t index) const {
  Sample sample;
  lmdb_->readRecord(index, [&](std::string_view key, std::string_view value) {
    auto fail = [&](const std::string& what) {
      throw BadRecord(concat(folder_.string(), ": record ", key, ": ", what));
    };
    caffe::Datum datum;
    if (!datum.ParseFromArray(value.data(), static_cast<int>(value.size()))) fail("no Caffe Datum");
    sample.label = datum.label();
    if (datum.label() < 0 || static_cast<uint32_t>(datum.label()) >= manifest_.classes()) {
      fail(concat("label ", datum.label(), " outside 0..", manifest_.classes() - 1));
    }
    const auto height = static_cast<int>(manifest_.height());
    const auto width = static_cast<int>(manifest_.width());
    if (datum.encoded()) {
      try {
        sample.image = decodeImage(datum.data(), "image");
      } catch (const Error& e) {
        fail(e.what());
      }
      if (sample.image.rows != height || sample.image.cols != width) {
        fail(concat(sample.image.rows, "x", sample.image.cols, " image, expected ", height, "x",
                    width));
      }
    } else {
      const size_t expected = 3UL * manifest_.height() * manifest_.width();
      if (datum.channels() != 3 || datum.height() != height || datum.width() != width ||
          datum.data().size() != expected) {
        fail(concat(datum.channels(), "x", datum.height(), "x", datum.width(), " raw image of ",
                    datum.data().size(), " bytes, expected 3x", height, "x", width));
      }
      sample.image = interleave(datum.data(), height, width);
    }
  });
  return sample;
}

std::string Dataset::key(uint64_t index) const {
  std::string text;
  lmdb_->readRecord(index, [&](std::string_view key, std::string_view) { text = key; });
  return text;
}

void Dataset::verify() const {
  Sha256 hash;
  Progress progress("verifying", size(), "records");
  lmdb_->read([&](MDB_cursor* cursor) {
    MDB_val key = {0, nullptr};
    MDB_val value = {0, nullptr};
    int status = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
    while (status == MDB_SUCCESS) {
      hash.update(viewOf(key));
      hash.update(viewOf(value));
      progress.add();
      status = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    if (status != MDB_NOTFOUND) lmdb_->check(status);
  });
  progress.finish();
  const std::string sum = hash.hex();
  if (sum != manifest_.sha256()) {
    throw Error(concat(folder_.string(), ": damaged: SHA-256 of its records is ", sum,
                       ", the manifest says ", manifest_.sha256()));
  }
}

}  // namespace sphereface
