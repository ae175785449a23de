// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/feature_file.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/json.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

static_assert(std::endian::native == std::endian::little, "the files are little-endian");

constexpr std::string_view kMagic = "SFFEAT\r\n";
constexpr uint32_t kVersion = 1;
constexpr size_t kHashDigits = 64;
constexpr std::string_view kNumpyMagic = "\x93NUMPY";
constexpr size_t kNumpyAlignment = 64;

struct Header {
  std::array<char, 8> magic;
  uint32_t version;
  uint32_t dim;
  uint64_t rows;
  uint64_t metadata_bytes;
  uint64_t name_bytes;
};
static_assert(sizeof(Header) == 40);

[[noreturn]] void fail(const fs::path& path, const std::string& what) {
  throw Error(concat(path.string(), ": ", what));
}

/// The first row of which a number isn't finite.
std::optional<size_t> rowNotFinite(std::span<const float> values, size_t dim) {
  const auto bad =
      std::find_if(values.begin(), values.end(), [](float x) { return !std::isfinite(x); });
  if (bad == values.end()) return std::nullopt;
  return static_cast<size_t>(bad - values.begin()) / dim;
}

/// All but the values themselves.
void check(const fs::path& path, const FeatureSet& features, std::optional<size_t> not_finite) {
  const auto& [names, rows, dim, values, model, mirror, alignment, order] = features;
  if (rows == 0 || dim == 0) fail(path, concat("no features (", rows, " rows of ", dim, ")"));
  if (names.size() != rows) {
    fail(path, concat(rows, " rows of ", dim, " floats, but ", names.size(), " names"));
  }
  if (mirror != "none" && mirror != "concat" && mirror != "sum") {
    fail(path, concat("mirror is '", mirror, "', must be none, concat or sum"));
  }
  for (size_t i = 0; i < rows; ++i) {
    if (names[i].empty() || names[i].find('\0') != std::string::npos) {
      fail(path, concat("row ", i, " has no usable name"));
    }
  }
  if (not_finite)
    fail(path, concat("row ", *not_finite, " (", names[*not_finite], ") is not finite"));
}

Json metadataOf(const FeatureSet& features) {
  return {{"model_sha256", features.model_sha256},
          {"mirror", features.mirror},
          {"alignment_template", features.alignment_template},
          {"color_order", features.color_order}};
}

void takeMetadata(const Json& json, FeatureSet& features) {
  features.model_sha256 = json.value("model_sha256", features.model_sha256);
  features.mirror = json.value("mirror", features.mirror);
  features.alignment_template = json.value("alignment_template", features.alignment_template);
  features.color_order = json.value("color_order", features.color_order);
}

/// What reading a file gives.
struct Contents {
  bool keep_values = true;
  bool skip_rows = false;  // and with them the checksum
  FeatureSet features;
  uint64_t rows_offset = 0;
  std::optional<size_t> not_finite;  // the first such row
};

/// Floats read at a time.
constexpr uint64_t kPieceFloats = 1 << 18;

/// A file read front to back, never beyond its size at opening.
class Source {
 public:
  explicit Source(const fs::path& path) : path_(path), in_(path, std::ios::binary) {
    std::error_code error;
    left_ = size_ = fs::file_size(path, error);
    if (!in_ || error) fail(path, "cannot open");
  }

  uint64_t left() const { return left_; }

  void read(void* target, uint64_t count) {
    readUnhashed(target, count);
    hash_.update(target, count);
  }

  std::string readText(uint64_t count) {
    if (count > left_) fail(path_, "ends too early");
    std::string text(count, '\0');
    read(text.data(), count);
    return text;
  }

  /// What is left must be exactly the rows and `trailer` bytes.
  void readRows(Contents& contents, uint64_t rows, uint64_t dim, uint64_t trailer) {
    const uint64_t most = left_ / sizeof(float);
    const bool fits = dim > 0 && rows > 0 && dim <= most && rows <= most / dim;
    if (!fits || rows * dim * sizeof(float) + trailer != left_) {
      fail(path_, concat("its header promises ", rows, " rows of ", dim, " floats, but ", left_,
                         " bytes are left for them"));
    }
    contents.features.rows = rows;
    contents.features.dim = dim;
    contents.rows_offset = size_ - left_;
    if (contents.skip_rows) return;
    std::vector<float> piece;
    std::vector<float>& values = contents.keep_values ? contents.features.values : piece;
    if (contents.keep_values) values.resize(rows * dim);
    const uint64_t step = std::max<uint64_t>(1, kPieceFloats / dim);
    for (uint64_t row = 0; row < rows; row += step) {
      const uint64_t count = std::min(step, rows - row) * dim;
      if (!contents.keep_values) values.resize(count);
      const std::span<float> target(values.data() + (contents.keep_values ? row * dim : 0), count);
      read(target.data(), target.size_bytes());
      if (contents.not_finite) continue;
      if (const auto bad = rowNotFinite(target, dim)) contents.not_finite = row + *bad;
    }
  }

  /// Of all that was read so far. Call once; only a trailer can be read after it.
  std::string hash() { return hash_.hex(); }

  std::string readTrailer() {
    std::string text(left_, '\0');
    readUnhashed(text.data(), text.size());
    return text;
  }

 private:
  void readUnhashed(void* target, uint64_t count) {
    if (count > left_) fail(path_, "ends too early");
    in_.read(static_cast<char*>(target), static_cast<std::streamsize>(count));
    if (static_cast<uint64_t>(in_.gcount()) != count) fail(path_, "cannot read");
    left_ -= count;
  }

  fs::path path_;
  std::ifstream in_;
  Sha256 hash_;
  uint64_t size_ = 0;
  uint64_t left_ = 0;
};

/// What is before the rows.
std::string sffHead(const FeatureSet& contents) {
  const std::string metadata = strictJsonText(metadataOf(contents));
  std::string names;
  for (const std::string& name : contents.names)
    names += name + '\0';
  Header header{
      {},          kVersion, static_cast<uint32_t>(contents.dim), contents.rows, metadata.size(),
      names.size()};
  std::copy(kMagic.begin(), kMagic.end(), header.magic.begin());
  return std::string(reinterpret_cast<const char*>(&header), sizeof header) + metadata + names;
}

void readSff(const fs::path& path, Contents& contents) {
  Source source(path);
  Header header{};
  source.read(&header, sizeof header);
  if (!std::equal(kMagic.begin(), kMagic.end(), header.magic.begin())) {
    fail(path, "is no .sff feature file");
  }
  if (header.version != kVersion) {
    fail(path, concat("has version ", header.version, ", this program reads version ", kVersion));
  }
  FeatureSet& features = contents.features;
  const std::string metadata = source.readText(header.metadata_bytes);
  const std::string names = source.readText(header.name_bytes);
  source.readRows(contents, header.rows, header.dim, kHashDigits);
  if (!contents.skip_rows && source.hash() != source.readTrailer()) {
    fail(path, "is corrupt: its SHA-256 doesn't match its content");
  }
  takeMetadata(parseJson(metadata), features);
  for (size_t begin = 0; begin < names.size();) {
    const size_t end = names.find('\0', begin);
    if (end == std::string::npos) fail(path, "its last name doesn't end");
    features.names.push_back(names.substr(begin, end - begin));
    begin = end + 1;
  }
}

fs::path sidecarOf(const fs::path& path) {
  return path.string() + ".json";
}

std::string npyHead(const FeatureSet& contents) {
  std::string text = concat("{'descr': '<f4', 'fortran_order': False, 'shape': (", contents.rows,
                            ", ", contents.dim, "), }");
  const size_t before = kNumpyMagic.size() + 4;
  text.append(kNumpyAlignment - 1 - (before + text.size()) % kNumpyAlignment, ' ').append("\n");
  std::string bytes(kNumpyMagic);
  bytes.append(
      {'\1', '\0', static_cast<char>(text.size() & 255), static_cast<char>(text.size() >> 8)});
  return bytes + text;
}

std::string npySidecar(const FeatureSet& contents, const std::string& hash) {
  Json sidecar = {{"sha256", hash}};
  sidecar.update(metadataOf(contents));
  sidecar["names"] = contents.names;
  return strictJsonText(sidecar, 1) + "\n";
}

/// Text for JSON. errors: Error when a part of it isn't UTF-8.
template <class Make>
std::string utf8(const fs::path& path, const Make& make) {
  try {
    return make();
  } catch (const JsonError& e) {
    fail(path, concat("a name or text is not UTF-8: ", e.what()));
  }
}

/// What follows the key in the Python dictionary that is a .npy file's header.
std::string_view npyValue(std::string_view header, const std::string& key) {
  const std::string quoted = "'" + key + "':";
  const size_t at = header.find(quoted);
  if (at == std::string_view::npos) return {};
  header.remove_prefix(at + quoted.size());
  header.remove_prefix(std::min(header.find_first_not_of(' '), header.size()));
  return header;
}

/// The two numbers of "(R, D)"; zeros when it is anything else.
std::array<uint64_t, 2> npyShape(std::string_view header) {
  const std::string_view text = npyValue(header, "shape");
  const char* const end = text.data() + text.size();
  std::array<uint64_t, 2> shape{};
  if (!text.starts_with('(')) return {};
  const auto [rows_end, rows_error] = std::from_chars(text.data() + 1, end, shape[0]);
  if (rows_error != std::errc() || end - rows_end < 2 || rows_end[0] != ',') return {};
  const char* const dim_begin = rows_end + (rows_end[1] == ' ' ? 2 : 1);
  const auto [dim_end, dim_error] = std::from_chars(dim_begin, end, shape[1]);
  if (dim_error != std::errc() || dim_end == end || *dim_end != ')') return {};
  return shape;
}

void readNpy(const fs::path& path, Contents& contents) {
  Source source(path);
  if (source.readText(std::min<uint64_t>(source.left(), kNumpyMagic.size())) != kNumpyMagic) {
    fail(path, "is no .npy file");
  }
  const std::string version = source.readText(2);
  // Version 1 has two bytes of header length, versions 2 and 3 four.
  uint32_t header_bytes = 0;
  source.read(&header_bytes, version[0] == 1 ? 2 : 4);
  const std::string header = source.readText(header_bytes);
  const std::array<uint64_t, 2> shape = npyShape(header);
  const bool usable = npyValue(header, "descr").starts_with("'<f4'") &&
                      npyValue(header, "fortran_order").starts_with("False") && shape[1] > 0;
  if (!usable) {
    const std::string name = concat("'", path.string(), "'");
    fail(path, concat("must be a two-dimensional array of '<f4' in C order, not ",
                      header.substr(0, header.find('}') + 1).substr(0, 100),
                      "; numpy makes it one: numpy.save(", name, ", numpy.load(", name,
                      ").astype('<f4', order='C'))"));
  }
  source.readRows(contents, shape[0], shape[1], 0);
  const fs::path sidecar_path = sidecarOf(path);
  const Json sidecar = readJsonFile(sidecar_path);
  if (!contents.skip_rows && sidecar.contains("sha256") && sidecar["sha256"] != source.hash()) {
    fail(path, concat("its SHA-256 is not the one in ", sidecar_path.string(),
                      ": one of the two was changed"));
  }
  takeMetadata(sidecar, contents.features);
  contents.features.names = sidecar.at("names").get<std::vector<std::string>>();
}

bool isNpy(const fs::path& path) {
  if (path.extension() == ".npy") return true;
  if (path.extension() == ".sff") return false;
  throw UsageError(concat(path.string(), ": a feature file ends in .sff or .npy"));
}

FeatureFile read(const fs::path& path, bool keep_values, bool skip_rows) {
  const bool npy = isNpy(path);
  Contents contents;
  contents.keep_values = keep_values;
  contents.skip_rows = skip_rows;
  try {
    npy ? readNpy(path, contents) : readSff(path, contents);
  } catch (const JsonError& e) {
    fail(path, concat("wrong metadata: ", e.what()));
  }
  check(path, contents.features, contents.not_finite);
  return {std::move(contents.features), contents.rows_offset};
}

}  // namespace

std::map<std::string, std::vector<size_t>> rowsOfClasses(const FeatureSet& features) {
  std::map<std::string, std::vector<size_t>> rows;
  for (size_t i = 0; i < features.rows; ++i) {
    const size_t slash = features.names[i].rfind('/');
    if (slash == std::string::npos) {
      throw Error(concat("feature ", i, " (", features.names[i],
                         ") is in no folder, which would be its class"));
    }
    rows[features.names[i].substr(0, slash)].push_back(i);
  }
  return rows;
}

void needFeatureSuffix(const fs::path& path) {
  isNpy(path);
}

FeatureWriter::FeatureWriter(fs::path path, FeatureSet contents)
    : path_(std::move(path)), npy_(isNpy(path_)), contents_(std::move(contents)) {
  check(path_, contents_, std::nullopt);
  const std::string head =
      npy_ ? npyHead(contents_) : utf8(path_, [&] { return sffHead(contents_); });
  file_.emplace(path_);
  write(head);
}

void FeatureWriter::write(std::string_view bytes) {
  file_->write(bytes);
  hash_.update(bytes);
}

void FeatureWriter::add(std::span<const float> rows) {
  const size_t dim = contents_.dim;
  const size_t left = contents_.rows - rows_;
  if (rows.size() % dim != 0 || rows.size() / dim > left) {
    fail(path_, concat(rows.size(), " floats for the last ", left, " of ", contents_.rows,
                       " rows of ", dim));
  }
  if (const auto bad = rowNotFinite(rows, dim)) {
    const size_t row = rows_ + *bad;
    fail(path_, concat("row ", row, " (", contents_.names[row], ") is not finite"));
  }
  write({reinterpret_cast<const char*>(rows.data()), rows.size_bytes()});
  rows_ += rows.size() / dim;
}

void FeatureWriter::commit() {
  if (rows_ != contents_.rows) {
    fail(path_, concat(rows_, " of ", contents_.rows, " rows were written"));
  }
  const std::string hash = hash_.hex();
  if (npy_) {
    const std::string sidecar = utf8(path_, [&] { return npySidecar(contents_, hash); });
    file_->commit();
    writeFileAtomically(sidecarOf(path_), sidecar);
  } else {
    file_->write(hash);
    file_->commit();
  }
}

void writeFeatures(const fs::path& path, const FeatureSet& features) {
  const auto& [names, rows, dim, values, model, mirror, alignment, order] = features;
  FeatureWriter writer(path, {names, rows, dim, {}, model, mirror, alignment, order});
  writer.add(features.values);
  writer.commit();
}

FeatureSet readFeatures(const fs::path& path) {
  return read(path, true, false).contents;
}

FeatureFile openFeatureFile(const fs::path& path, bool whole) {
  return read(path, false, !whole);
}

}  // namespace sphereface
