// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Face sets in MXNet's RecordIO, as insightface hands them out (train.rec, train.idx, property).
//
// A payload begins with MXNet's image header of 24 bytes, little endian:
//
//     u32 flag; f32 label; u64 id; u64 id2
//     flag x f32 label vector, when flag > 0
//     the bytes of an image file; none in records that index others
//
// An image's label is the number in the header or the first of its vector. Records without an image
// (insightface's index record and its ranges of keys of each identity) aren't relied on: the ranges
// are 32-bit floats, which count no further than 2^24.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <unordered_set>

#include "base/error.h"
#include "base/image_file.h"
#include "base/progress.h"
#include "base/text_file.h"
#include "data/align/alignment_template.h"
#include "data/import/pack_input.h"
#include "data/import/record_file.h"
#include "data/number_at.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kHeaderBytes = 24;
/// The first whole number that a float can't tell from the next.
constexpr float kFloatsEnd = 16'777'216;

struct ImageHeader {
  float label = 0;
  uint64_t id = 0;
  uint64_t image_begin = 0;  // in the payload
  bool has_image = false;
};

ImageHeader parseHeader(const RecordFile::Record& record, const std::string& place) {
  ImageHeader header;
  if (record.payload_bytes < kHeaderBytes) throw Error(place + ": shorter than an image header");
  const auto flag = numberAt<uint32_t>(record.payload, 0);
  header.image_begin = kHeaderBytes + uint64_t{4} * flag;
  if (header.image_begin > record.payload_bytes) {
    throw Error(concat(place, ": ends inside its ", flag, " labels"));
  }
  header.label = numberAt<float>(record.payload, flag == 0 ? 4 : kHeaderBytes);
  header.id = numberAt<uint64_t>(record.payload, 8);
  header.has_image = record.payload_bytes > header.image_begin;
  return header;
}

int32_t classLabel(float label, const std::string& place) {
  if (!(label >= 0) || label >= kFloatsEnd || label != std::floor(label)) {
    throw Error(concat(place, ": its label is ", label, ", no whole number below 2^24"));
  }
  return static_cast<int32_t>(label);
}

/// The keys of the records that an .idx file lists, by their byte offsets: lines `key TAB offset`.
std::map<uint64_t, uint64_t> readIndex(const fs::path& file) {
  std::map<uint64_t, uint64_t> keys;
  std::unordered_set<uint64_t> used;
  std::istringstream text(readListFile(file));
  std::string line;
  for (size_t number = 1; std::getline(text, line); ++number) {
    if (line.find_first_not_of(" \t\r") == line.npos) continue;
    std::istringstream words(line);
    uint64_t key = 0;
    uint64_t offset = 0;
    std::string more;
    if (!(words >> key >> offset) || words >> more) {
      throw Error(concat(file.string(), ":", number, ": expected `key offset`"));
    }
    const auto [other, is_new] = keys.emplace(offset, key);
    if (!is_new && other->second == key) continue;
    if (!is_new || !used.insert(key).second) {
      throw Error(concat(file.string(), ":", number, ": key ", key, " at byte ", offset,
                         ": the key or the place stands in another line too"));
    }
  }
  if (keys.empty()) throw Error(file.string() + ": the index is empty");
  return keys;
}

/// What one pass over the heads of all records finds.
struct Contents {
  std::vector<uint64_t> image_offset;
  std::vector<uint64_t> image_number;  // among all records, from 1
  std::vector<uint64_t> image_key;     // in the index; without one its number
  std::vector<int32_t> label;
  std::optional<float> promised;  // by the index record: the number of images plus one
};

Contents scanHeads(const RecordFile& file, const fs::path& rec, const fs::path& index) {
  Contents contents;
  uint64_t number = 0;
  /// Takes in the record at an offset; returns the offset of the next.
  const auto take = [&](uint64_t offset, std::optional<uint64_t> key) {
    ++number;
    const std::string place = concat(rec.string(), ": record ", number, " at byte ", offset);
    const RecordFile::Record record = file.read(offset, kHeaderBytes + sizeof(float));
    const ImageHeader header = parseHeader(record, place);
    if (header.has_image) {
      contents.image_offset.push_back(offset);
      contents.image_number.push_back(number);
      contents.image_key.push_back(key.value_or(number));
      contents.label.push_back(classLabel(header.label, place));
    } else if (header.id == 0) {
      contents.promised = header.label;
    }
    return record.next;
  };
  if (fs::exists(index)) {
    const std::map<uint64_t, uint64_t> keys = readIndex(index);
    Progress progress("listing", keys.size(), "records");
    for (const auto& [offset, key] : keys) {
      take(offset, key);
      progress.add();
    }
  } else {
    Progress progress("listing", file.size(), "bytes");
    for (uint64_t offset = 0; offset < file.size();) {
      const uint64_t next = take(offset, std::nullopt);
      progress.add(next - offset);
      offset = next;
    }
  }
  if (contents.image_offset.empty()) throw Error(rec.string() + ": no record with an image");
  return contents;
}

/// What the files beside the images say and the images don't bear out.
void compare(const Contents& contents, const fs::path& property, PackInput& input) {
  const size_t images = contents.image_offset.size();
  if (contents.promised && *contents.promised < kFloatsEnd &&
      static_cast<double>(*contents.promised) - 1 != static_cast<double>(images)) {
    input.notes.push_back(concat("the index record tells of ",
                                 static_cast<double>(*contents.promised) - 1, " images, there are ",
                                 images));
  }
  if (!fs::exists(property)) return;
  int classes = 0;
  int height = 0;
  int width = 0;
  if (std::sscanf(readTextFile(property).c_str(), "%d,%d,%d", &classes, &height, &width) != 3) {
    input.notes.push_back(concat(property.string(), " isn't `classes,height,width`: left unread"));
    return;
  }
  if (classes != static_cast<int64_t>(input.identities.size())) {
    input.notes.push_back(concat(property.string(), " tells of ", classes, " classes, there are ",
                                 input.identities.size()));
  }
  if (input.size != cv::Size(width, height)) {
    input.notes.push_back(concat(property.string(), " tells of images of ", height, "x", width,
                                 ", the first is ", input.size.height, "x", input.size.width));
  }
}

}  // namespace

PackInput openMxnetRecords(const fs::path& rec) {
  const auto file = std::make_shared<const RecordFile>(rec);
  const fs::path index = fs::path(rec).replace_extension(".idx");
  const auto contents = std::make_shared<const Contents>(scanHeads(*file, rec, index));

  PackInput input;
  input.labels_given = true;
  for (uint64_t i = 0; i < contents->image_offset.size(); ++i)
    input.images.push_back({i, 0});
  input.name = [contents](uint64_t at) { return std::to_string(contents->image_key[at]); };
  input.place = [contents, rec](uint64_t at) {
    return concat(rec.string(), ": record ", contents->image_number[at], " at byte ",
                  contents->image_offset[at]);
  };
  input.load = [contents, file, place = input.place](uint64_t at) {
    RecordFile::Record record = file->read(contents->image_offset[at]);
    const ImageHeader header = parseHeader(record, place(at));
    record.payload.erase(0, header.image_begin);
    return StoredImage{std::move(record.payload), false, {}};
  };
  groupByLabel(input, contents->label);
  input.fingerprint = concat(fileStamp(rec), " ", fileStamp(index));
  input.size = decodeImage(input.load(0).bytes, input.place(0)).size();
  if (input.size == cv::Size(kInsightfaceSize, kInsightfaceSize)) {
    input.alignment = kInsightfaceTemplate;
  }
  compare(*contents, rec.parent_path() / "property", input);
  return input;
}

}  // namespace sphereface
