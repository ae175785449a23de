// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/dataset.h"

#include <cstdio>

#include "base/image_file.h"
#include "base/image_planes.h"
#include "base/progress.h"
#include "base/sha256.h"
#include "data/lmdb_file.h"
#include "proto/caffe.pb.h"
#include "proto/text_format.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;
using Reason = BadRecord::Reason;

DatasetManifest readManifest(const fs::path& folder) {
  if (!fs::is_directory(folder)) {
    throw Error(concat("no such data set: ", folder.string(),
                       folder.is_relative() ? concat(" (in ", fs::current_path().string(),
                                                     ", where the command was started)")
                                            : ""));
  }
  const fs::path file = folder / "manifest.textproto";
  if (!fs::exists(file)) {
    throw Error(concat(folder.string(),
                       " has no manifest.textproto: it is no data set of `sphereface pack` "
                       "(which makes one of Caffe's LMDBs), or its packing did not finish"));
  }
  DatasetManifest manifest;
  try {
    parseTextFile(file, manifest);
  } catch (const UsageError& e) {
    throw Error(e.what());
  }
  auto require = [&](bool condition, const std::string& problem) {
    if (!condition) throw Error(concat(file.string(), ": ", problem));
  };
  require(manifest.format_version() == 1,
          concat("format version ", manifest.format_version(), "; only 1 can be read"));
  require(manifest.records() > 0, "no records");
  require(manifest.classes() > 0, "no classes");
  require(manifest.channels() == 3, concat(manifest.channels(), " channels instead of 3"));
  require(manifest.height() > 0 && manifest.width() > 0, "no image height or width");
  require(manifest.identity_size() == static_cast<int>(manifest.classes()),
          concat(manifest.identity_size(), " identities for ", manifest.classes(), " classes"));
  uint64_t images = 0;
  for (const DatasetManifest::Identity& identity : manifest.identity())
    images += identity.images();
  require(images == manifest.records(), concat("the identities have ", images, " images, but ",
                                               manifest.records(), " records are claimed"));
  return manifest;
}

}  // namespace

std::string recordKeyPrefix(uint64_t index) {
  char text[24];
  std::snprintf(text, sizeof text, "%08llu_", static_cast<unsigned long long>(index));
  return text;
}

struct Dataset::Lmdb {
  explicit Lmdb(const fs::path& folder) : reader(folder) {}

  /// Calls use(key, value) with the record's bytes.
  template <class Use>
  void withRecord(const fs::path& folder, uint64_t index, Use use) const {
    const std::string prefix = recordKeyPrefix(index);
    bool found = false;
    reader.find(prefix, [&](std::string_view key, std::string_view value) {
      found = key.substr(0, prefix.size()) == prefix;
      if (found) use(key, value);
    });
    if (!found) {
      throw Error(concat((folder / "data.mdb").string(), ": damaged: no key begins with ", prefix,
                         ", as that of record ", index, " should"));
    }
  }

  /// Calls use(datum). errors: BadRecord, also for any Error of `use`, with the record's name.
  template <class Use>
  void withDatum(const fs::path& folder, uint64_t index, Use use) const {
    withRecord(folder, index, [&](std::string_view key, std::string_view value) {
      thread_local caffe::Datum datum;  // keeps its memory from one record to the next
      const auto named = [&](const Error& e) {
        return concat(folder.string(), ": record ", index, " (", key, "): ", e.what());
      };
      try {
        if (!datum.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
          throw Error("not a Datum");
        }
        use(datum);
      } catch (const BadRecord& e) {
        throw BadRecord(e.reason(), named(e));
      } catch (const Error& e) {
        throw BadRecord(Reason::kUndecodable, named(e));
      }
    });
  }

  LmdbReader reader;
};

Dataset::Dataset(const fs::path& folder)
    : folder_(folder), manifest_(readManifest(folder)), lmdb_(std::make_unique<Lmdb>(folder)) {
  if (lmdb_->reader.entries() != size()) {
    throw Error(concat(folder.string(), ": data.mdb has ", lmdb_->reader.entries(),
                       " records, its manifest says ", size()));
  }
}

Dataset::~Dataset() = default;

Dataset::Sample Dataset::read(uint64_t index) const {
  std::vector<uint8_t> planes;
  Sample sample;
  sample.label = readPlanes(index, planes);
  sample.image = interleave(planes.data(), static_cast<int>(manifest_.height()),
                            static_cast<int>(manifest_.width()));
  return sample;
}

int Dataset::readPlanes(uint64_t index, std::vector<uint8_t>& planes) const {
  int label = 0;
  lmdb_->withDatum(folder_, index, [&](const caffe::Datum& datum) {
    const auto classes = static_cast<int64_t>(manifest_.classes());
    label = datum.label();
    if (label < 0 || label >= classes) {
      throw BadRecord(Reason::kBadLabel, concat("label ", label, " is outside 0 .. ", classes - 1));
    }
    const int height = static_cast<int>(manifest_.height());
    const int width = static_cast<int>(manifest_.width());
    auto require_shape = [&](int channels, int rows, int columns) {
      if (channels != 3 || rows != height || columns != width) {
        throw BadRecord(Reason::kWrongShape,
                        concat("the image is ", channels, "x", rows, "x", columns,
                               ", the manifest says 3x", height, "x", width));
      }
    };
    if (datum.encoded()) {
      const cv::Size size = decodePlanes(datum.data(), planes);
      require_shape(3, size.height, size.width);
      return;
    }
    require_shape(datum.channels(), datum.height(), datum.width());
    const size_t expected = size_t{3} * manifest_.height() * manifest_.width();
    if (datum.data().size() != expected) {
      throw BadRecord(Reason::kWrongShape,
                      concat(datum.data().size(), " bytes of pixels instead of ", expected));
    }
    planes.assign(datum.data().begin(), datum.data().end());
  });
  return label;
}

void Dataset::stored(uint64_t index, const std::function<void(int, std::string_view)>& use) const {
  lmdb_->withDatum(folder_, index,
                   [&](const caffe::Datum& datum) { use(datum.label(), datum.data()); });
}

int Dataset::label(uint64_t index) const {
  int result = 0;
  stored(index, [&](int label, std::string_view) { result = label; });
  return result;
}

std::string Dataset::key(uint64_t index) const {
  std::string result;
  lmdb_->withRecord(folder_, index, [&](std::string_view key, std::string_view) { result = key; });
  return result;
}

void Dataset::verify() const {
  if (!manifest_.has_sha256()) throw Error(concat(folder_.string(), ": the manifest has no sum"));
  Progress progress("checking", size(), "records");
  Sha256 hash;
  for (uint64_t index = 0; index < size(); ++index) {
    lmdb_->withRecord(folder_, index, [&](std::string_view key, std::string_view value) {
      hash.update(key);
      hash.update(value);
    });
    progress.add();
  }
  progress.finish();
  const std::string sum = hash.hex();
  if (sum != manifest_.sha256()) {
    throw Error(concat(folder_.string(), ": the records' SHA-256 is ", sum, ", the manifest says ",
                       manifest_.sha256(), ": data.mdb was changed or damaged"));
  }
}

}  // namespace sphereface
