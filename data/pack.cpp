// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/pack.h"

#include <algorithm>
#include <cstdio>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/image_file.h"
#include "base/progress.h"
#include "base/random.h"
#include "base/sha256.h"
#include "data/lmdb_file.h"
#include "data/pack_input.h"
#include "proto/caffe.pb.h"
#include "proto/text_format.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

/// Images prepared in parallel before they are written in order.
constexpr size_t kChunk = 1024;
/// Keys begin with eight digits.
constexpr size_t kMaxRecords = 100'000'000;

bool isJpeg(std::string_view bytes) {
  return bytes.starts_with("\xff\xd8\xff");
}
bool isPng(std::string_view bytes) {
  return bytes.starts_with("\x89PNG\r\n\x1a\n");
}

cv::Mat decodeChecked(std::string_view bytes, const LabelledFile& file,
                      const PackOptions& options) {
  cv::Mat image = decodeImage(bytes, file.path.string());
  if (image.rows != options.height || image.cols != options.width) {
    throw Error(concat(file.path.string(), ": the image is ", image.rows, "x", image.cols,
                       " (height x width) instead of ", options.height, "x", options.width));
  }
  return image;
}

/// The record's image file.
std::string encodedImage(const LabelledFile& file, const PackOptions& options) {
  std::string bytes = readFile(file.path);
  const cv::Mat image = decodeChecked(bytes, file, options);
  if (options.reencode > 0) return encodeJpeg(image, options.reencode);
  return isJpeg(bytes) || isPng(bytes) ? bytes : encodePng(image);
}

/// Takes out what can't be used. A second pass over the files, but the numbers of records and
/// labels are known before the first one is written.
void dropBad(PackInput& input, const PackOptions& options, PackResult& result) {
  std::vector<std::string> problems(input.files.size());
  Progress progress("checking", input.files.size(), "images");
  parallelFor(input.files.size(), options.threads, [&](size_t i) {
    try {
      decodeChecked(readFile(input.files[i].path), input.files[i], options);
    } catch (const Error& e) {
      problems[i] = e.what();
    }
    progress.add();
  });
  progress.finish();

  std::vector<int> new_label(input.identities.size(), -1);
  for (size_t i = 0; i < input.files.size(); ++i) {
    if (problems[i].empty()) new_label[static_cast<size_t>(input.files[i].label)] = 0;
  }
  std::vector<std::string> identities;
  for (size_t label = 0; label < new_label.size(); ++label) {
    if (new_label[label] == 0) {
      new_label[label] = static_cast<int>(identities.size());
      identities.push_back(input.identities[label]);
    } else if (input.from_list) {
      throw Error(concat(options.input.string(), ": no usable image is left of label ", label, " (",
                         input.identities[label], ")"));
    } else {
      result.empty_identities.push_back(input.identities[label]);
    }
  }
  std::vector<LabelledFile> files;
  for (size_t i = 0; i < input.files.size(); ++i) {
    if (!problems[i].empty()) {
      result.skipped.push_back(problems[i]);
      continue;
    }
    files.push_back(std::move(input.files[i]));
    files.back().label = new_label[static_cast<size_t>(files.back().label)];
  }
  if (files.empty()) throw Error(concat(options.input.string(), ": no usable image is left"));
  input.files = std::move(files);
  input.identities = std::move(identities);
}

/// The folder that is being filled, removed again unless it was committed.
class PartialFolder {
 public:
  explicit PartialFolder(fs::path path) : path_(std::move(path)) {
    fs::remove_all(path_);  // of an interrupted run
    fs::create_directories(path_);
  }
  PartialFolder(const PartialFolder&) = delete;
  PartialFolder& operator=(const PartialFolder&) = delete;
  ~PartialFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

std::string recordKey(size_t index, const LabelledFile& file) {
  char number[24];
  std::snprintf(number, sizeof number, "%08zu_", index);
  std::string key = number + file.name;
  if (key.size() > LmdbWriter::kMaxKey) {
    throw Error(concat(file.path.string(), ": its name is longer than a key may be (",
                       LmdbWriter::kMaxKey, " bytes)"));
  }
  return key;
}

std::string recordValue(const LabelledFile& file, std::string image, const PackOptions& options) {
  caffe::Datum datum;
  datum.set_channels(3);
  datum.set_height(options.height);
  datum.set_width(options.width);
  datum.set_data(std::move(image));
  datum.set_label(file.label);
  datum.set_encoded(true);
  return datum.SerializeAsString();
}

/// Writes data.mdb; fills in the manifest's sum and encoding.
void writeRecords(const std::vector<LabelledFile>& files, const PackOptions& options,
                  const fs::path& folder, DatasetManifest& manifest) {
  LmdbWriter writer(folder);
  Sha256 hash;
  Progress progress("packing", files.size(), "images");
  bool jpeg = false;
  bool png = false;
  std::vector<std::string> images;
  for (size_t begin = 0; begin < files.size(); begin += kChunk) {
    images.assign(std::min(kChunk, files.size() - begin), "");
    parallelFor(images.size(), options.threads, [&](size_t i) {
      images[i] = encodedImage(files[begin + i], options);
      progress.add();
    });
    for (size_t i = 0; i < images.size(); ++i) {
      const LabelledFile& file = files[begin + i];
      (isJpeg(images[i]) ? jpeg : png) = true;
      std::string key = recordKey(begin + i, file);
      std::string value = recordValue(file, std::move(images[i]), options);
      hash.update(key);
      hash.update(value);
      writer.put(std::move(key), std::move(value));
    }
  }
  writer.finish();
  manifest.set_sha256(hash.hex());
  manifest.set_encoding(jpeg && png ? DatasetManifest::MIXED
                        : jpeg      ? DatasetManifest::JPEG
                                    : DatasetManifest::PNG);
}

DatasetManifest describe(const PackInput& input, const PackOptions& options) {
  DatasetManifest manifest;
  manifest.set_format_version(1);
  manifest.set_records(input.files.size());
  manifest.set_classes(static_cast<uint32_t>(input.identities.size()));
  manifest.set_channels(3);
  manifest.set_height(static_cast<uint32_t>(options.height));
  manifest.set_width(static_cast<uint32_t>(options.width));
  manifest.set_color_order(DatasetManifest::BGR);
  manifest.set_alignment_template(options.alignment);
  manifest.set_normalization_mean(manifest.normalization_mean());
  manifest.set_normalization_scale(manifest.normalization_scale());
  if (options.shuffle) manifest.set_shuffle_seed(options.seed);
  for (const std::string& name : input.identities)
    manifest.add_identity()->set_name(name);
  for (const LabelledFile& file : input.files) {
    DatasetManifest::Identity* identity = manifest.mutable_identity(file.label);
    identity->set_images(identity->images() + 1);
  }
  // The name alone: where it lay on this machine means nothing elsewhere.
  const fs::path source = fs::absolute(options.input).lexically_normal();
  manifest.set_source((source.has_filename() ? source : source.parent_path()).filename().string());
  return manifest;
}

/// Refuses to touch what isn't a data set, even with --force.
void requireReplaceable(const fs::path& output, bool force) {
  if (!fs::exists(output)) return;
  if (!force) throw Error(concat(output.string(), " already exists (--force replaces it)"));
  if (!fs::is_directory(output) ||
      (!fs::is_empty(output) && !fs::exists(output / "manifest.textproto"))) {
    throw Error(concat(output.string(), " is no data set; it is not replaced"));
  }
}

}  // namespace

PackResult packDataset(const PackOptions& options) {
  fs::path output = options.output.lexically_normal();
  if (!output.has_filename()) output = output.parent_path();
  requireReplaceable(output, options.force);

  PackResult result;
  PackInput input =
      fs::is_directory(options.input)
          ? scanIdentityFolders(options.input, options.skip_bad, result.empty_identities)
          : readImageList(options.input);
  if (options.skip_bad) dropBad(input, options, result);
  if (input.files.size() > kMaxRecords) {
    throw Error(concat(input.files.size(), " images; a data set holds at most ", kMaxRecords));
  }
  if (options.shuffle) {
    Random random(options.seed);
    shuffle(input.files, random);
  }

  const PartialFolder partial(output.string() + ".partial");
  result.manifest = describe(input, options);
  writeRecords(input.files, options, partial.path(), result.manifest);
  writeFileAtomically(partial.path() / "manifest.textproto", printText(result.manifest));
  result.bytes = fs::file_size(partial.path() / "data.mdb");
  if (options.force) fs::remove_all(output);
  commitDirectory(partial.path(), output);
  return result;
}

}  // namespace sphereface
