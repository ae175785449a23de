// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>

#include "base/content_kind.h"
#include "base/error.h"
#include "base/image_file.h"
#include "base/image_folder.h"
#include "base/progress.h"
#include "base/temporary_folder.h"
#include "data/import/pack_input.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

/// A file without a name, which is gone when the process is, however it ends.
class ScratchFile {
 public:
  /// errors: Error when none can be made in `folder`.
  explicit ScratchFile(const fs::path& folder)
      : folder_(folder), descriptor_(openUnnamedFile(folder)) {
    if (descriptor_ < 0) fail("make");
  }
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;
  ~ScratchFile() { ::close(descriptor_); }

  uint64_t size() const { return size_; }

  /// errors: Error naming the folder (disk full, ...).
  void append(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail("write");
      bytes.remove_prefix(static_cast<size_t>(written));
      size_ += static_cast<uint64_t>(written);
    }
  }

  /// Thread-safe once nothing is appended any more. requires: within size().
  std::string read(uint64_t offset, uint64_t bytes) const {
    std::string text(bytes, '\0');
    for (size_t done = 0; done < bytes;) {
      const ssize_t got =
          ::pread(descriptor_, text.data() + done, bytes - done, static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) fail("read");
      done += static_cast<size_t>(got);
    }
    return text;
  }

 private:
  [[noreturn]] void fail(const char* what) const {
    const int reason = errno;
    throw Error(concat("cannot ", what, " a temporary file in ", folder_.string(), ": ",
                       std::strerror(reason)));
  }

  fs::path folder_;
  int descriptor_ = -1;
  uint64_t size_ = 0;
};

/// libarchive gives names in the locale's encoding; outside UTF-8 it would lose some.
class Utf8Names {
 public:
  Utf8Names() : locale_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {
    if (locale_ != nullptr) before_ = ::uselocale(locale_);
  }
  Utf8Names(const Utf8Names&) = delete;
  Utf8Names& operator=(const Utf8Names&) = delete;
  ~Utf8Names() {
    if (locale_ == nullptr) return;
    ::uselocale(before_);
    ::freelocale(locale_);
  }

 private:
  locale_t locale_ = nullptr;
  locale_t before_ = nullptr;
};

/// An archive's entries, one after the other.
class ArchiveReader {
 public:
  explicit ArchiveReader(const fs::path& path)
      : path_(path), archive_(archive_read_new(), archive_read_free) {
    archive* const a = archive_.get();
    archive_read_support_filter_gzip(a);
    archive_read_support_filter_bzip2(a);
    archive_read_support_filter_xz(a);
    archive_read_support_filter_zstd(a);
    archive_read_support_format_tar(a);
    archive_read_support_format_zip(a);
    constexpr size_t kBlock = size_t{1} << 16;
    check(archive_read_open_filename(a, path.c_str(), kBlock), "");
  }

  /// False at the end.
  bool next() {
    const int status = archive_read_next_header(archive_.get(), &entry_);
    if (status == ARCHIVE_EOF) return false;
    check(status, "");
    const char* const name = archive_entry_pathname(entry_);
    if (name == nullptr) throw Error(path_.string() + ": an entry's name can't be read");
    name_ = name;
    first_block_ = {};
    return true;
  }

  const std::string& name() const { return name_; }
  bool isFolder() const { return archive_entry_filetype(entry_) == AE_IFDIR; }
  bool isFile() const {
    return archive_entry_filetype(entry_) == AE_IFREG && archive_entry_hardlink(entry_) == nullptr;
  }

  /// Of the archive's file.
  uint64_t bytesRead() const {
    return static_cast<uint64_t>(archive_filter_bytes(archive_.get(), -1));
  }

  /// Of the entry; copy() has them too.
  std::string firstBytes() {
    if (!first_block_) first_block_ = nextBlock();
    return std::string(first_block_->bytes.substr(0, kTellingBytes));
  }

  /// Appends the entry's bytes to `to`.
  /// errors: Error when they are more than an image has, or photographs ever unpack to.
  void copy(ScratchFile& to) {
    uint64_t expected = 0;
    if (!first_block_) first_block_ = nextBlock();
    for (Block block = *first_block_; block.bytes.data() != nullptr; block = nextBlock()) {
      if (block.offset != expected)
        throw Error(concat(path_.string(), ": ", name_, ": a sparse file"));
      to.append(block.bytes);
      expected += block.bytes.size();
      const auto fail = [&](const auto&... what) {
        throw Error(concat(path_.string(), ": ", name_, ": ", what...));
      };
      if (expected > kMostImageBytes) {
        fail("no photograph: unpacks to more than ", kMostImageBytes, " bytes");
      }
      if (to.size() > std::max(kFreeBytes, kMostRatio * bytesRead())) {
        fail("up to here ", bytesRead(), " bytes of the archive unpack to more than ", kMostRatio,
             " times as many, as photographs never do");
      }
    }
  }

 private:
  /// Of uncompressed photographs a tenth is left, of others hardly less than before.
  static constexpr uint64_t kMostRatio = 100;
  static constexpr uint64_t kFreeBytes = uint64_t{64} << 20;  // painted test pictures

  /// Of the entry's bytes; without data behind the last. Valid until the next.
  struct Block {
    std::string_view bytes;
    uint64_t offset = 0;
  };
  Block nextBlock() const {
    const void* data = nullptr;
    size_t bytes = 0;
    la_int64_t offset = 0;
    const int status = archive_read_data_block(archive_.get(), &data, &bytes, &offset);
    if (status == ARCHIVE_EOF) return {};
    check(status, name_);
    if (data == nullptr) data = "";
    return {{static_cast<const char*>(data), bytes}, static_cast<uint64_t>(offset)};
  }

  void check(int status, const std::string& entry) const {
    if (status == ARCHIVE_OK) return;
    const char* const reason = archive_error_string(archive_.get());
    throw Error(concat(path_.string(), entry.empty() ? "" : ": " + entry, ": ",
                       reason != nullptr ? reason : "can't be read"));
  }

  const fs::path& path_;
  std::unique_ptr<archive, int (*)(archive*)> archive_;
  archive_entry* entry_ = nullptr;
  std::string name_;
  std::optional<Block> first_block_;
};

struct ArchivedImage {
  fs::path name;
  uint64_t offset = 0;  // in the scratch file
  uint64_t bytes = 0;
};

/// The parts of an entry's name. errors: Error for a name that leads elsewhere.
fs::path entryName(const std::string& entry, const fs::path& archive) {
  fs::path name;
  for (const fs::path& part : fs::path(entry).relative_path()) {
    if (part == "..") throw Error(concat(archive.string(), ": the name ", entry, " leads outside"));
    if (part != "." && !part.empty()) name /= part;
  }
  return name;
}

std::vector<ArchivedImage> copyImages(const fs::path& path, ScratchFile& to,
                                      PassedOver& passed_over) {
  const Utf8Names names;
  ArchiveReader reader(path);
  std::vector<ArchivedImage> images;
  Progress progress("unpacking", fs::file_size(path), "bytes");
  uint64_t told = 0;
  while (reader.next()) {
    if (reader.isFolder()) continue;
    const fs::path name = entryName(reader.name(), path);
    const bool is_file = reader.isFile();
    std::optional<std::string> kind =
        passedOverAs(name, [&] { return is_file ? reader.firstBytes() : std::string(); });
    if (kind) {
      passed_over.add(is_file || *kind != "empty" ? *kind : "link", name.string());
      continue;
    }
    if (!is_file) {
      throw Error(
          concat(path.string(), ": ", reader.name(), " is a link: unpack, and pack the folder"));
    }
    const uint64_t begin = to.size();
    reader.copy(to);
    images.push_back({name, begin, to.size() - begin});
    progress.add(reader.bytesRead() - told);
    told = reader.bytesRead();
  }
  return images;
}

/// Sorted, each name once.
void settleNames(std::vector<ArchivedImage>& images) {
  std::stable_sort(images.begin(), images.end(),
                   [](const auto& a, const auto& b) { return a.name < b.name; });
  const auto last_of_each =
      std::unique(images.rbegin(), images.rend(),
                  [](const auto& a, const auto& b) { return a.name == b.name; });
  images.erase(images.begin(), last_of_each.base());
}

}  // namespace

bool isArchive(const fs::path& path) {
  static constexpr std::array kSuffixes = {".tar",    ".tar.gz",  ".tgz", ".tar.bz2",
                                           ".tar.xz", ".tar.zst", ".zip"};
  std::string name = path.filename().string();
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::any_of(kSuffixes.begin(), kSuffixes.end(),
                     [&](const char* suffix) { return name.ends_with(suffix); });
}

PackInput openArchive(const fs::path& path, const fs::path& scratch) {
  PackInput input;
  const auto file = std::make_shared<ScratchFile>(scratch);
  const auto images =
      std::make_shared<std::vector<ArchivedImage>>(copyImages(path, *file, input.passed_over));
  if (images->empty()) {
    throw Error(
        concat(path.string(), ": no image in it",
               input.passed_over.empty() ? "" : "; passed over: ", input.passed_over.text()));
  }
  settleNames(*images);
  std::vector<fs::path> names;
  for (const ArchivedImage& image : *images)
    names.push_back(image.name);
  const fs::path above = folderOfIdentities(names);
  for (size_t at = 0; at < names.size(); ++at) {
    if (!above.empty()) names[at] = names[at].lexically_relative(above);
    (*images)[at].name = names[at];
  }
  groupByFolder(input, names, concat(path.string(), above.empty() ? "" : ": ", above.string()));
  input.name = [images](uint64_t at) { return (*images)[at].name.string(); };
  input.place = [images, path](uint64_t at) {
    return concat(path.string(), ": ", (*images)[at].name.string());
  };
  input.load = [images, file](uint64_t at) {
    const ArchivedImage& image = (*images)[at];
    return StoredImage{file->read(image.offset, image.bytes), false, {}};
  };
  input.fingerprint = fileStamp(path);
  return input;
}

}  // namespace sphereface
