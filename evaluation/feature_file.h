// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Features of many images, and the two file formats that hold them, told apart by their suffix.
//
// .sff, everything little-endian:
//
//   offset        bytes            what
//   0             8                "SFFEAT\r\n" (a transfer that changes line ends breaks it)
//   8             4                version, 1
//   12            4                D, floats of each feature
//   16            8                R, number of features
//   24            8                M, bytes of the metadata
//   32            8                N, bytes of the names
//   40            M                metadata: a JSON object of the four texts of FeatureSet
//   40 + M        N                R names, each ended by a zero byte
//   40 + M + N    4 R D            R rows of D IEEE 754 floats
//   end - 64      64               SHA-256 of all before it, lower-case hexadecimal digits
//
// .npy: NumPy's format, version 1.0, '<f4', C order, shape (R, D), data aligned to 64 bytes. Names
// and metadata are in FILE.npy.json: {"sha256": of the .npy, the four texts, "names": [...]}. Of
// these only "names" must be there, so that another program's array is easily given names.

#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/atomic_file.h"
#include "base/sha256.h"

namespace sphereface {

struct FeatureSet {
  std::vector<std::string> names;  // one per row: the image's path below its folder
  size_t rows = 0;
  size_t dim = 0;
  std::vector<float> values;  // rows x dim, row-major, all finite

  std::string model_sha256;        // of the parameters, or "" when no model was used
  std::string mirror = "none";     // how the mirrored image entered: "none", "concat" or "sum"
  std::string alignment_template;  // name of the template the faces were aligned to
  std::string color_order;         // "BGR", "RGB" or "grey"

  std::span<const float> row(size_t i) const { return {values.data() + i * dim, dim}; }
};

/// The rows of each class: the folder of a feature's name.
/// errors: Error naming a feature that is in no folder.
std::map<std::string, std::vector<size_t>> rowsOfClasses(const FeatureSet& features);

/// errors: UsageError unless the file's name ends in .sff or .npy.
void needFeatureSuffix(const std::filesystem::path& path);

/// A feature file written some rows at a time; without a commit what was there stays.
class FeatureWriter {
 public:
  /// `contents`: all but the values.
  /// errors: UsageError for another suffix; Error when the contents contradict themselves or the
  /// file can't be written.
  FeatureWriter(std::filesystem::path path, FeatureSet contents);

  /// The next rows. errors: Error naming a row that isn't finite, or when there are too many.
  void add(std::span<const float> rows);
  /// Puts the file (for .npy: both files) in its place. errors: Error when rows are missing.
  void commit();

 private:
  void write(std::string_view bytes);

  std::filesystem::path path_;
  bool npy_;
  FeatureSet contents_;
  std::optional<AtomicFile> file_;  // none before the contents are checked
  Sha256 hash_;
  size_t rows_ = 0;  // so far
};

/// The whole set at once.
void writeFeatures(const std::filesystem::path& path, const FeatureSet& features);

/// errors: UsageError for another suffix; Error naming the file when it is missing, truncated,
/// changed since it was written, of another version, or doesn't hold what its header says.
FeatureSet readFeatures(const std::filesystem::path& path);

/// A feature file of which all but the rows is in memory.
struct FeatureFile {
  FeatureSet contents;       // its `values` are empty
  uint64_t rows_offset = 0;  // in bytes; row i is `dim` floats from rows_offset + 4 i dim on
};

/// `whole`: reads the whole file once and checks it as readFeatures does, without keeping the rows;
/// otherwise the rows and the checksum are left unread.
FeatureFile openFeatureFile(const std::filesystem::path& path, bool whole = true);

}  // namespace sphereface
