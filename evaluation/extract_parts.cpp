// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/extract_parts.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/json.h"
#include "base/progress.h"
#include "evaluation/devkit_feature.h"
#include "run/share.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

constexpr size_t kPartImages = 1024;

/// Where parts are, and which images each is of.
class Parts {
 public:
  Parts(const fs::path& output, const Extractor& extractor)
      : folder_(output.string() + ".parts"),
        images_(extractor.names().size()),
        // Whole batches, so that an image has the same place in its batch with and without parts.
        size_((kPartImages + extractor.batch() - 1) / extractor.batch() * extractor.batch()) {}

  const fs::path& folder() const { return folder_; }
  size_t count() const { return (images_ + size_ - 1) / size_; }
  fs::path file(size_t part) const { return folder_ / concat(part, ".sff"); }
  Share images(size_t part) const { return {part * size_, std::min(images_, (part + 1) * size_)}; }

 private:
  fs::path folder_;
  size_t images_;
  size_t size_;
};

std::vector<std::string> namesOf(const Extractor& extractor, Share images) {
  const auto begin = extractor.names().begin();
  return {begin + static_cast<std::ptrdiff_t>(images.begin),
          begin + static_cast<std::ptrdiff_t>(images.end)};
}

/// Whether the part is there, whole, and what this extractor would make.
bool isThere(const Parts& parts, size_t part, const Extractor& extractor) {
  if (!fs::exists(parts.file(part))) return false;
  try {
    FeatureSet found = openFeatureFile(parts.file(part)).contents;
    if (found.names != namesOf(extractor, parts.images(part))) return false;
    const FeatureSet& wanted = extractor.description();
    return found.dim == wanted.dim && found.model_sha256 == wanted.model_sha256 &&
           found.mirror == wanted.mirror;
  } catch (const Error&) {
    return false;  // damaged: made anew
  }
}

/// This rank's parts that aren't there yet.
std::vector<size_t> missingParts(const Parts& parts, const Extractor& extractor,
                                 const RankGroup& ranks) {
  std::vector<size_t> missing;
  for (size_t part = ranks.rank(); part < parts.count(); part += ranks.size()) {
    if (!isThere(parts, part, extractor)) missing.push_back(part);
  }
  return missing;
}

std::vector<BadImage> makeParts(const Parts& parts, const std::vector<size_t>& missing,
                                Extractor& extractor, const RankGroup& ranks) {
  size_t images = 0;
  for (const size_t part : missing)
    images += parts.images(part).size();
  const std::string label =
      ranks.size() == 1 ? "extracting" : concat("extracting, rank 0 of ", ranks.size());
  Progress progress(label, images, "images");
  std::vector<BadImage> bad;
  for (const size_t part : missing) {
    const Share share = parts.images(part);
    const FeatureSet features = extractor.extract(share.begin, share.end, progress, bad);
    if (features.rows > 0) {
      writeFeatures(parts.file(part), features);
    } else {
      fs::remove(parts.file(part));  // another network's
    }
  }
  return bad;
}

/// Of all ranks, on rank 0.
std::vector<BadImage> gatherBad(const std::vector<BadImage>& mine, RankGroup& ranks) {
  Json list = Json::array();
  for (const BadImage& image : mine)
    list.push_back({image.name, image.reason});
  std::vector<BadImage> all;
  // A name that isn't UTF-8 arrives changed, which is enough to be told.
  for (const std::string& text : ranks.gather(jsonText(list))) {
    for (const Json& image : parseJson(text))
      all.push_back({image.at(0).text(), image.at(1).text()});
  }
  return all;
}

/// The parts that are there: one has none when none of its images can be used.
std::vector<fs::path> partFiles(const Parts& parts) {
  std::vector<fs::path> files;
  for (size_t part = 0; part < parts.count(); ++part) {
    if (fs::exists(parts.file(part))) files.push_back(parts.file(part));
  }
  return files;
}

/// Returns the number of features.
size_t joinParts(const std::vector<fs::path>& files, const PartsOptions& options,
                 const FeatureSet& description) {
  if (!options.file_ending.empty()) {
    DevkitFolder folder(options.output, options.file_ending);
    size_t features = 0;
    for (const fs::path& file : files) {
      const FeatureSet part = readFeatures(file);
      folder.add(part);
      features += part.rows;
    }
    folder.commit();
    return features;
  }
  FeatureSet contents = description;
  for (const fs::path& file : files) {
    const FeatureSet part = openFeatureFile(file, false).contents;
    contents.names.insert(contents.names.end(), part.names.begin(), part.names.end());
  }
  contents.rows = contents.names.size();
  FeatureWriter writer(options.output, contents);
  for (const fs::path& file : files)
    writer.add(readFeatures(file).values);
  writer.commit();
  return contents.rows;
}

}  // namespace

PartsResult extractInParts(const PartsOptions& options, const ImageSource& input,
                           RankGroup& ranks) {
  Extractor extractor(options.extract, input);
  const Parts parts(options.output, extractor);
  makeWorkFolder(parts.folder());
  const std::vector<size_t> missing = missingParts(parts, extractor, ranks);
  const std::vector<BadImage> bad = gatherBad(makeParts(parts, missing, extractor, ranks), ranks);
  uint64_t made = missing.size();
  ranks.sum({&made, 1});
  if (!ranks.isFirst()) return {};
  const std::vector<fs::path> files = partFiles(parts);
  if (!bad.empty() && (!options.skip_bad_images || files.empty())) {
    throw Error(describeBadImages(bad, extractor.names().size()));
  }
  PartsResult result;
  result.description = extractor.description();
  result.features = joinParts(files, options, result.description);
  result.parts = parts.count();
  result.found_parts = parts.count() - made;
  result.bad = bad;
  fs::remove_all(parts.folder());
  return result;
}

}  // namespace sphereface
