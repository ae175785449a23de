// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <algorithm>
#include <cctype>
#include <memory>

#include "base/error.h"
#include "base/image_file.h"
#include "base/progress.h"
#include "data/import/pack_input.h"
#include "data/lmdb_check.h"
#include "data/lmdb_file.h"
#include "proto/caffe.pb.h"
#include "proto/manifest.pb.h"
#include "proto/text_format.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

constexpr size_t kNumberDigits = 8;

std::string nameOfKey(const std::string& key) {
  const bool numbered = key.size() > kNumberDigits && key[kNumberDigits] == '_' &&
                        std::all_of(key.begin(), key.begin() + kNumberDigits,
                                    [](unsigned char digit) { return std::isdigit(digit) != 0; });
  return numbered ? key.substr(kNumberDigits + 1) : key;
}

void parseDatum(std::string_view value, const std::string& place, caffe::Datum& datum) {
  if (value.size() > INT32_MAX ||
      !datum.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
    throw Error(place + ": not a Datum");
  }
}

StoredImage imageOf(caffe::Datum& datum, const std::string& place) {
  StoredImage image;
  if (datum.encoded()) {
    image.bytes = std::move(*datum.mutable_data());
    return image;
  }
  if (datum.float_data_size() > 0) {
    throw Error(place + ": its pixels are floating-point numbers, which can't be packed");
  }
  const int channels = datum.channels();
  if ((channels != 1 && channels != 3) || datum.height() < 1 || datum.width() < 1) {
    throw Error(concat(place, ": pixels of ", channels, "x", datum.height(), "x", datum.width()));
  }
  image.planes = true;
  image.size = {datum.width(), datum.height()};
  const auto area = static_cast<uint64_t>(datum.height()) * static_cast<uint64_t>(datum.width());
  const uint64_t expected = area * static_cast<uint64_t>(channels);
  if (datum.data().size() != expected) {
    throw Error(concat(place, ": ", datum.data().size(), " bytes of pixels instead of ", expected));
  }
  image.bytes = std::move(*datum.mutable_data());
  if (channels == 1) image.bytes += image.bytes + image.bytes;
  return image;
}

/// With a manifest of ours beside it.
void takeManifest(const fs::path& folder, PackInput& input) {
  const fs::path file = folder / "manifest.textproto";
  if (!fs::exists(file)) return;
  DatasetManifest manifest;
  try {
    parseTextFile(file, manifest);
  } catch (const UsageError& e) {
    throw Error(e.what());
  }
  input.alignment = manifest.alignment_template();
  for (PackIdentity& identity : input.identities) {
    if (identity.label < manifest.identity_size()) {
      identity.name = manifest.identity(identity.label).name();
    }
  }
}

}  // namespace

PackInput openCaffeLmdb(const fs::path& folder) {
  checkLmdb(folder / "data.mdb");
  const auto reader = std::make_shared<const LmdbReader>(folder);
  const auto keys = std::make_shared<std::vector<std::string>>();
  PackInput input;
  input.labels_given = true;
  input.place = [keys, folder](uint64_t at) {
    return concat(folder.string(), ": record ", (*keys)[at]);
  };
  std::vector<int32_t> labels;
  {
    Progress progress("listing", reader->entries(), "records");
    caffe::Datum datum;
    reader->forEach([&](std::string_view key, std::string_view value) {
      const uint64_t at = keys->size();
      keys->emplace_back(key);
      parseDatum(value, input.place(at), datum);
      if (datum.label() < 0) throw Error(concat(input.place(at), ": label ", datum.label()));
      labels.push_back(datum.label());
      input.images.push_back({at, 0});
      progress.add();
    });
  }
  if (input.images.empty()) throw Error(concat(folder.string(), ": no record"));
  input.name = [keys](uint64_t at) { return nameOfKey((*keys)[at]); };
  input.load = [keys, reader, place = input.place](uint64_t at) {
    StoredImage image;
    bool found = false;
    reader->find((*keys)[at], [&](std::string_view key, std::string_view value) {
      found = key == (*keys)[at];
      caffe::Datum datum;
      parseDatum(value, place(at), datum);
      image = imageOf(datum, place(at));
    });
    if (!found) throw Error(place(at) + ": gone");
    return image;
  };
  groupByLabel(input, labels);
  takeManifest(folder, input);
  input.fingerprint = fileStamp(folder / "data.mdb");
  const StoredImage first = input.load(0);
  input.size = first.planes ? first.size : decodeImage(first.bytes, input.place(0)).size();
  return input;
}

}  // namespace sphereface
