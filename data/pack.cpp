// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/pack.h"

#include <algorithm>
#include <future>
#include <optional>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/file_lock.h"
#include "base/progress.h"
#include "base/random.h"
#include "base/sha256.h"
#include "data/align/alignment_template.h"
#include "data/dataset.h"
#include "data/lmdb_check.h"
#include "data/record_writer.h"
#include "proto/text_format.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

/// Images prepared in parallel and then written in order; a killed packing goes on at such a
/// boundary.
constexpr size_t kChunk = 1024;
/// Keys begin with eight digits.
constexpr size_t kMaxRecords = 100'000'000;

/// The folder in which a result is made before it gets its name: OUTPUT.partial, by one process at
/// a time. A killed process leaves it.
class PartialFolder {
 public:
  /// Makes it, or takes over what a killed process left. errors: Error when another process has it.
  explicit PartialFolder(const fs::path& output) : path_(output.string() + ".partial") {
    makeWorkFolder(path_);
    lock_.emplace(path_);
  }
  PartialFolder(const PartialFolder&) = delete;
  PartialFolder& operator=(const PartialFolder&) = delete;
  /// Removes it, unless it was committed. What another process left stays if it wasn't claimed.
  ~PartialFolder() {
    std::error_code ignored;
    if (claimed_) {
      fs::remove_all(path_, ignored);
    } else {
      fs::remove(path_, ignored);  // fails unless it is empty
    }
  }

  const fs::path& path() const { return path_; }
  const FileLock& lock() const { return *lock_; }
  /// From now on what is in it is this process's.
  void claim() { claimed_ = true; }

 private:
  fs::path path_;
  std::optional<FileLock> lock_;
  bool claimed_ = false;
};

/// What is packed, settled but for the records' bytes.
struct Plan {
  PackInput input;
  cv::Size size;
  std::string alignment;
};

std::string recordKey(size_t index, const std::string& name) {
  std::string key = recordKeyPrefix(index) + name;
  if (key.size() > LmdbWriter::kMaxKey) {
    throw Error(
        concat(name, ": its name is longer than a key may be (", LmdbWriter::kMaxKey, " bytes)"));
  }
  return key;
}

PreparedRecord prepare(const Plan& plan, size_t index, const PackEncoding& encoding) {
  const PackImage& image = plan.input.images[index];
  EncodedImage encoded =
      encodeForPack(plan.input.load(image.at), plan.size, encoding, plan.input.place(image.at));
  PreparedRecord record;
  record.key = recordKey(index, plan.input.name(image.at));
  record.digest = imageDigest(encoded.bytes);
  record.encoding = encoded.encoding;
  record.grey = encoded.grey;
  record.turned = encoded.turned;
  record.value =
      datumOf(std::move(encoded), plan.size, plan.input.identities[image.identity].label);
  return record;
}

/// A line that is equal when the records are.
std::string describeWork(const Plan& plan, const PackEncoding& encoding) {
  Sha256 records;
  for (size_t i = 0; i < plan.input.images.size(); ++i) {
    const PackImage& image = plan.input.images[i];
    // The key's end, which no name contains, parts it from the label.
    records.update(recordKey(i, plan.input.name(image.at)) + '\0');
    records.update(&image.identity, sizeof image.identity);
  }
  return concat("sphereface ", SPHEREFACE_VERSION, " pack ", encodingText(encoding), " ",
                plan.size.height, "x", plan.size.width, " records ", records.hex(), " of ",
                sha256(plan.input.fingerprint));
}

/// While a chunk is written, the next is prepared.
void writeRecords(const Plan& plan, const PackOptions& options, RecordWriter& writer) {
  const size_t records = plan.input.images.size();
  Progress progress("packing", records, "images");
  progress.add(writer.records());
  std::future<void> writing;
  for (size_t begin = writer.records(); begin < records; begin += kChunk) {
    std::vector<PreparedRecord> chunk(std::min(kChunk, records - begin));
    parallelFor(chunk.size(), options.threads, [&](size_t i) {
      chunk[i] = prepare(plan, begin + i, options.encoding);
      progress.add();
    });
    if (writing.valid()) writing.get();
    writing = std::async(std::launch::async, [&writer, ready = std::move(chunk)]() mutable {
      writer.write(std::move(ready));
    });
  }
  if (writing.valid()) writing.get();
}

DatasetManifest describe(const Plan& plan, const PackOptions& options) {
  DatasetManifest manifest;
  manifest.set_format_version(1);
  manifest.set_records(plan.input.images.size());
  manifest.set_classes(static_cast<uint32_t>(plan.input.identities.size()));
  manifest.set_channels(3);
  manifest.set_height(static_cast<uint32_t>(plan.size.height));
  manifest.set_width(static_cast<uint32_t>(plan.size.width));
  manifest.set_color_order(DatasetManifest::BGR);
  manifest.set_alignment_template(plan.alignment);
  manifest.set_normalization_mean(manifest.normalization_mean());
  manifest.set_normalization_scale(manifest.normalization_scale());
  if (options.shuffle) manifest.set_shuffle_seed(options.seed);
  for (const PackIdentity& identity : plan.input.identities)
    manifest.add_identity()->set_name(identity.name);
  for (const PackImage& image : plan.input.images) {
    DatasetManifest::Identity* identity =
        manifest.mutable_identity(static_cast<int>(image.identity));
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

/// The template that the images are known to be aligned to. Where they could be SphereFace's by
/// their size, `notes` gets why it isn't known.
std::string alignmentOf(const Plan& plan, std::vector<std::string>& notes) {
  const PackInput& input = plan.input;
  if (!input.alignment.empty()) return input.alignment;
  if (plan.size != cv::Size(kAlignedWidth, kAlignedHeight)) return "unknown";
  const auto stranger = std::ranges::find_if(input.images, [&](const PackImage& image) {
    return !input.aligned.has(input.name(image.at));
  });
  if (!input.aligned.alignment.empty() && stranger == input.images.end()) {
    return input.aligned.alignment;
  }
  notes.push_back(
      concat("the alignment is unknown: ",
             input.aligned.alignment.empty()
                 ? std::string("no landmarks.tsv of `sphereface align` is beside the images")
                 : concat(input.name(stranger->at), " isn't in landmarks.tsv"),
             "; --alignment ", kAlignmentTemplate, " says that they are aligned to it"));
  return "unknown";
}

Plan makePlan(const PackOptions& options, const fs::path& scratch, PackResult& result) {
  Plan plan;
  plan.input = openPackInput(options.input, scratch);
  PackInput& input = plan.input;
  plan.size = options.height > 0    ? cv::Size(options.width, options.height)
              : !input.size.empty() ? input.size
                                    : cv::Size(kAlignedWidth, kAlignedHeight);
  result.left_out = selectImages(input, options.selection, plan.size, options.seed, options.threads,
                                 options.input);
  if (input.images.size() > kMaxRecords) {
    throw Error(concat(input.images.size(), " images; a data set holds at most ", kMaxRecords));
  }
  if (options.shuffle) {
    Random random(options.seed);
    shuffle(input.images, random);
  }
  result.notes = input.notes;
  result.passed_over = input.passed_over;
  plan.alignment = options.alignment.empty() ? alignmentOf(plan, result.notes) : options.alignment;
  return plan;
}

RepeatedImages repeatedRecords(const Plan& plan, const RecordWriter& writer) {
  std::vector<uint32_t> identities;
  identities.reserve(plan.input.images.size());
  for (const PackImage& image : plan.input.images)
    identities.push_back(image.identity);
  return findRepeated(writer.digests(), identities);
}

/// Records were written into pages that a killed process had listed as free.
void verifyResumed(const fs::path& folder) {
  checkLmdb(folder / "data.mdb");
  Dataset(folder).verify();
}

}  // namespace

PackResult packDataset(const PackOptions& options) {
  fs::path output = options.output.lexically_normal();
  if (!output.has_filename()) output = output.parent_path();
  requireReplaceable(output, options.force);

  PackResult result;
  // What an earlier packing left stays until this one knows what it is to write.
  PartialFolder partial(output);
  const fs::path scratch = fs::absolute(output).parent_path();
  const Plan plan = makePlan(options, scratch, result);
  result.manifest = describe(plan, options);

  partial.claim();
  if (!partial.lock().note().empty()) result.notes.push_back(partial.lock().note());
  std::string restart;
  RecordWriter writer(partial.path(), describeWork(plan, options.encoding), restart);
  result.resumed = writer.records();
  if (!restart.empty()) {
    result.notes.push_back(concat("started over, not from what an earlier packing left in ",
                                  partial.path().string(), ": ", restart));
  }
  writeRecords(plan, options, writer);
  result.manifest.set_sha256(writer.sha256());
  result.manifest.set_encoding(writer.encoding());
  result.grey = writer.grey();
  result.turned = writer.turned();
  result.repeated = repeatedRecords(plan, writer);
  writeFileAtomically(partial.path() / "manifest.textproto", printText(result.manifest));
  if (result.resumed > 0) verifyResumed(partial.path());
  result.bytes = fs::file_size(partial.path() / "data.mdb");
  partial.lock().check();
  if (options.force) fs::remove_all(output);
  commitDirectory(partial.path(), output);
  fs::remove(output / RecordWriter::kJournal);
  return result;
}

}  // namespace sphereface
