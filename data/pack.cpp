// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/pack.h"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <map>
#include <optional>
#include <set>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/image_file.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "base/random.h"
#include "base/sha256.h"
#include "data/lmdb_writer.h"
#include "data/record_key.h"
#include "proto/caffe.pb.h"
#include "proto/text_format.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

// Images read and checked at a time, in parallel, before they are put in order.
constexpr size_t kChunk = 512;

std::vector<fs::path> sortedEntries(const fs::path& folder) {
  std::vector<fs::path> entries;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    entries.push_back(entry.path());
  }
  std::sort(entries.begin(), entries.end());
  return entries;
}

/// A record ready to be written, or why it can't be.
struct Candidate {
  std::string value;
  DatasetManifest::Encoding encoding = DatasetManifest::JPEG;
  size_t bytes = 0;
  std::string reason;
};

Candidate makeRecord(const PackList::Item& item, const PackOptions& options) {
  Candidate candidate;
  try {
    std::string bytes = readFile(item.file);
    const cv::Mat image = decodeImage(bytes, item.file.string());
    if (image.rows != options.height || image.cols != options.width) {
      throw Error(concat(item.file.string(), " is ", image.rows, "x", image.cols, ", expected ",
                         options.height, "x", options.width, " (height x width)"));
    }
    const bool jpeg = bytes.starts_with("\xff\xd8\xff");
    if (!jpeg && !bytes.starts_with("\x89PNG")) bytes = encodePng(image);
    candidate.encoding = jpeg ? DatasetManifest::JPEG : DatasetManifest::PNG;
    candidate.bytes = bytes.size();
    caffe::Datum datum;
    datum.set_channels(3);
    datum.set_height(options.height);
    datum.set_width(options.width);
    datum.set_label(item.label);
    datum.set_encoded(true);
    datum.set_data(std::move(bytes));
    candidate.value = datum.SerializeAsString();
  } catch (const Error& e) {
    candidate.reason = e.what();
  }
  return candidate;
}

/// Writes all records in order and fills in what only then is known.
void writeRecords(const PackList& list, const PackOptions& options, LmdbWriter& writer,
                  PackResult& result) {
  Sha256 hash;
  std::set<DatasetManifest::Encoding> encodings;
  std::vector<uint32_t> images(list.identities.size());
  uint64_t written = 0;
  Progress progress("packing", list.items.size(), "images");
  for (size_t begin = 0; begin < list.items.size(); begin += kChunk) {
    std::vector<Candidate> chunk(std::min(kChunk, list.items.size() - begin));
    parallelFor(chunk.size(), options.threads,
                [&](size_t i) { chunk[i] = makeRecord(list.items[begin + i], options); });
    for (size_t i = 0; i < chunk.size(); ++i) {
      const Candidate& record = chunk[i];
      const PackList::Item& item = list.items[begin + i];
      if (!record.reason.empty()) {
        if (!options.skip_bad) throw Error(record.reason);
        result.skipped.push_back(record.reason);
        continue;
      }
      const std::string key = recordPrefix(written++) + item.name;
      writer.put(key, record.value);
      hash.update(key);
      hash.update(record.value);
      encodings.insert(record.encoding);
      result.bytes += record.bytes;
      ++images[static_cast<size_t>(item.label)];
    }
    progress.add(chunk.size());
  }
  DatasetManifest& manifest = result.manifest;
  manifest.set_records(written);
  manifest.set_sha256(hash.hex());
  manifest.set_encoding(encodings.size() > 1 ? DatasetManifest::MIXED : *encodings.begin());
  for (size_t label = 0; label < images.size(); ++label) {
    if (images[label] == 0) {
      throw Error(concat("identity ", list.identities[label], " has no usable image left"));
    }
    DatasetManifest::Identity& identity = *manifest.add_identity();
    identity.set_name(list.identities[label]);
    identity.set_images(images[label]);
  }
}

}  // namespace

PackList listIdentityFolders(const fs::path& folder) {
  if (!fs::is_directory(folder)) throw Error(concat("no such folder: ", folder.string()));
  PackList list;
  for (const fs::path& identity : sortedEntries(folder)) {
    if (!fs::is_directory(identity)) continue;
    const int label = static_cast<int>(list.identities.size());
    list.identities.push_back(identity.filename().string());
    const size_t before = list.items.size();
    for (const fs::path& file : sortedEntries(identity)) {
      if (!hasImageSuffix(file)) continue;
      list.items.push_back({file, (identity.filename() / file.filename()).string(), label});
    }
    if (list.items.size() == before) {
      throw Error(concat("identity folder ", identity.string(), " holds no image"));
    }
  }
  if (list.items.empty()) {
    throw Error(concat(folder.string(), " holds no identity folder: expected one folder of images "
                       "for each person"));
  }
  return list;
}

PackList readPackList(const fs::path& list_file) {
  std::ifstream file(list_file);
  if (!file) throw Error(concat("cannot open ", list_file.string()));
  PackList list;
  std::string line;
  std::set<int> labels;
  for (size_t number = 1; std::getline(file, line); ++number) {
    if (line.empty()) continue;
    const size_t space = line.rfind(' ');
    int label = -1;
    if (space != std::string::npos && space > 0) {
      const std::string digits = line.substr(space + 1);
      if (!digits.empty() && digits.size() < 10 &&
          digits.find_first_not_of("0123456789") == std::string::npos) {
        label = std::stoi(digits);
      }
    }
    if (label < 0) {
      throw Error(concat(list_file.string(), ":", number, ": expected \"path label\", got \"", line,
                         "\""));
    }
    const std::string path = line.substr(0, space);
    list.items.push_back({list_file.parent_path() / path, path, label});
    labels.insert(label);
  }
  if (list.items.empty()) throw Error(concat(list_file.string(), ": no image listed"));
  int next = 0;
  for (const int label : labels) {
    if (label != next) {
      throw Error(concat(list_file.string(), ": label ", next, " has no image, but label ", label,
                         " has: labels must be 0..C-1 without a gap"));
    }
    list.identities.push_back(std::to_string(next++));
  }
  return list;
}

PackResult pack(const PackOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  if (fs::exists(options.output) && !options.force) {
    throw UsageError(concat(options.output.string(), " exists already: name another --output, or "
                            "replace it with --force"));
  }
  PackList list = fs::is_regular_file(options.input) ? readPackList(options.input)
                                                     : listIdentityFolders(options.input);
  if (options.shuffle) {
    Random random(options.seed);
    shuffle(list.items, random);
  }
  PackResult result;
  DatasetManifest& manifest = result.manifest;
  manifest.set_format_version(kDatasetFormatVersion);
  manifest.set_classes(static_cast<uint32_t>(list.identities.size()));
  manifest.set_channels(3);
  manifest.set_height(static_cast<uint32_t>(options.height));
  manifest.set_width(static_cast<uint32_t>(options.width));
  manifest.set_color_order(DatasetManifest::BGR);
  manifest.set_alignment_template(options.alignment);
  manifest.set_normalization_mean(127.5F);
  manifest.set_normalization_scale(0.0078125F);
  if (options.shuffle) manifest.set_shuffle_seed(options.seed);
  manifest.set_source(fs::weakly_canonical(options.input).filename().string());

  const fs::path partial = concat(options.output.string(), ".partial");
  fs::remove_all(partial);
  fs::create_directories(partial);
  try {
    LmdbWriter writer(partial);
    writeRecords(list, options, writer, result);
    writer.finish();
    writeFileAtomically(partial / kDatasetManifest, printText(manifest));
    if (options.force) fs::remove_all(options.output);
    commitDirectory(partial, options.output);
  } catch (...) {
    std::error_code ignored;
    fs::remove_all(partial, ignored);
    throw;
  }
  result.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

}  // namespace sphereface
