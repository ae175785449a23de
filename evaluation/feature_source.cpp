// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/feature_source.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

#include "base/error.h"
#include "base/parallel.h"
#include "base/random_access_file.h"
#include "evaluation/devkit_feature.h"
#include "evaluation/feature_file.h"
#include "evaluation/pairs.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

FeatureSource fromFile(const fs::path& path, std::vector<std::string> names, Check check) {
  FeatureFile file = openFeatureFile(path, check == Check::kAll);
  FeatureSource source;
  source.dim = file.contents.dim;
  source.model_sha256 = file.contents.model_sha256;
  source.names = std::move(file.contents.names);
  source.read = [in = std::make_shared<RandomAccessFile>(path), offset = file.rows_offset,
                 row_bytes = source.dim * sizeof(float)](size_t first, size_t count, float* out) {
    in->readAt(offset + first * row_bytes, out, count * row_bytes);
  };
  // A file in the order of the list, the common case, needs no index of its names.
  if (names == source.names) return source;
  for (std::string& name : names)
    name = withoutImageSuffix(name);
  std::vector<size_t> rows = locateImages(names, source.names, path.string());
  return selectFeatures(std::move(source), std::move(rows));
}

/// errors: Error with how many files are missing and the first one.
void checkFiles(const std::vector<std::string>& names,
                const std::function<fs::path(const std::string&)>& file_of, size_t threads) {
  constexpr size_t kPiece = 1000;
  std::atomic<size_t> missing{0};
  std::atomic<size_t> first_missing{names.size()};
  parallelFor((names.size() + kPiece - 1) / kPiece, threads, [&](size_t piece) {
    for (size_t i = piece * kPiece; i < std::min(names.size(), (piece + 1) * kPiece); ++i) {
      if (fs::is_regular_file(file_of(names[i]))) continue;
      ++missing;
      size_t least = first_missing;
      while (i < least && !first_missing.compare_exchange_weak(least, i)) {
      }
    }
  });
  if (missing > 0) {
    throw Error(concat(missing, " of ", names.size(), " feature files are missing, the first is ",
                       file_of(names[first_missing]).string()));
  }
}

FeatureSource fromDevkitFolder(const fs::path& root, const std::string& ending,
                               std::vector<std::string> names, size_t threads, Check check) {
  const auto file_of = [root, ending](const std::string& name) -> fs::path {
    return concat((root / name).string(), ending);
  };
  if (check == Check::kAll) checkFiles(names, file_of, threads);
  FeatureSource source;
  source.dim = readDevkitFeature(file_of(names[0])).size();
  source.names = names;
  source.read = [file_of, names = std::move(names), dim = source.dim](size_t first, size_t count,
                                                                      float* out) {
    for (size_t i = 0; i < count; ++i) {
      const fs::path file = file_of(names[first + i]);
      const std::vector<float> feature = readDevkitFeature(file);
      if (feature.size() != dim) {
        throw Error(concat(file.string(), ": ", feature.size(), " numbers, but ",
                           file_of(names[0]).string(), " has ", dim));
      }
      std::copy(feature.begin(), feature.end(), out + i * dim);
    }
  };
  return source;
}

}  // namespace

FeatureSource selectFeatures(FeatureSource source, std::vector<size_t> rows) {
  FeatureSource selected;
  selected.dim = source.dim;
  selected.model_sha256 = source.model_sha256;
  selected.names.reserve(rows.size());
  for (const size_t row : rows)
    selected.names.push_back(source.names[row]);
  selected.read = [read = std::move(source.read), rows = std::move(rows), dim = source.dim](
                      size_t first, size_t count, float* out) {
    for (size_t begin = 0; begin < count;) {
      size_t end = begin + 1;
      while (end < count && rows[first + end] == rows[first + end - 1] + 1)
        ++end;
      read(rows[first + begin], end - begin, out + begin * dim);
      begin = end;
    }
  };
  return selected;
}

FeatureSource featureRange(const FeatureSource& source, size_t begin, size_t end) {
  FeatureSource range;
  range.dim = source.dim;
  range.model_sha256 = source.model_sha256;
  range.names.assign(source.names.begin() + static_cast<std::ptrdiff_t>(begin),
                     source.names.begin() + static_cast<std::ptrdiff_t>(end));
  range.read = [read = source.read, begin](size_t first, size_t count, float* out) {
    read(begin + first, count, out);
  };
  return range;
}

FeatureSource openFeatures(const fs::path& root, const std::string& ending,
                           std::vector<std::string> names, size_t threads, Check check) {
  if (root.extension() == ".sff" || root.extension() == ".npy") {
    return fromFile(root, std::move(names), check);
  }
  return fromDevkitFolder(root, root.empty() ? "" : ending, std::move(names), threads, check);
}

}  // namespace sphereface
