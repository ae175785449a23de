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

#include "base/error.h"
#include "base/image_file.h"
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

  /// Appends the entry's bytes to `to`.
  /// errors: Error when they are more than an image has, or photographs ever unpack to.
  void copy(ScratchFile& to) {
    const void* block = nullptr;
    size_t bytes = 0;
    la_int64_t offset = 0;
    la_int64_t expected = 0;
    int status = ARCHIVE_OK;
    while ((status = archive_read_data_block(archive_.get(), &block, &bytes, &offset)) !=
           ARCHIVE_EOF) {
      check(status, name_);
      if (offset != expected) throw Error(concat(path_.string(), ": ", name_, ": a sparse file"));
      to.append({static_cast<const char*>(block), bytes});
      expected += static_cast<la_int64_t>(bytes);
      const auto fail = [&](const auto&... what) {
        throw Error(concat(path_.string(), ": ", name_, ": ", what...));
      };
      if (static_cast<uint64_t>(expected) > kMostImageBytes) {
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
};

struct ArchivedImage {
  fs::path name;
  uint64_t offset = 0;  // in the scratch file
  uint64_t bytes = 0;
};

/// Of an entry's name; nothing for what isn't packed. errors: Error for a name that leads
/// elsewhere.
std::optional<fs::path> imageName(const std::string& entry, const fs::path& archive) {
  fs::path name;
  for (const fs::path& part : fs::path(entry).relative_path()) {
    if (part == "..") throw Error(concat(archive.string(), ": the name ", entry, " leads outside"));
    if (part == "." || part.empty()) continue;
    if (part.string().starts_with('.') || part == "__MACOSX") return std::nullopt;
    name /= part;
  }
  if (!hasImageSuffix(name)) return std::nullopt;
  return name;
}

std::vector<ArchivedImage> copyImages(const fs::path& path, ScratchFile& to) {
  const Utf8Names names;
  ArchiveReader reader(path);
  std::vector<ArchivedImage> images;
  Progress progress("unpacking", fs::file_size(path), "bytes");
  uint64_t told = 0;
  while (reader.next()) {
    if (reader.isFolder()) continue;
    const std::optional<fs::path> name = imageName(reader.name(), path);
    if (!name) continue;
    if (!reader.isFile()) {
      throw Error(
          concat(path.string(), ": ", reader.name(), " is a link: unpack, and pack the folder"));
    }
    const uint64_t begin = to.size();
    reader.copy(to);
    images.push_back({*name, begin, to.size() - begin});
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

/// Takes away the folders above the identities': those that all images lie in, but for the last
/// when images lie in it directly.
void stripCommonFolders(std::vector<ArchivedImage>& images, const fs::path& archive) {
  fs::path common = images.front().name.parent_path();
  for (const ArchivedImage& image : images) {
    const fs::path folder = image.name.parent_path();
    const auto [end, unused] =
        std::mismatch(common.begin(), common.end(), folder.begin(), folder.end());
    fs::path shared;
    for (auto part = common.begin(); part != end; ++part)
      shared /= *part;
    common = shared;
  }
  const bool one_folder =
      std::all_of(images.begin(), images.end(),
                  [&](const ArchivedImage& image) { return image.name.parent_path() == common; });
  if (one_folder) common = common.parent_path();
  for (ArchivedImage& image : images) {
    if (!common.empty()) image.name = image.name.lexically_relative(common);
    if (image.name.has_parent_path()) continue;
    throw Error(
        concat(archive.string(), ": ", (common / image.name).string(),
               " lies in no identity's folder: the archive must hold one folder per identity"));
  }
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
  const auto file = std::make_shared<ScratchFile>(scratch);
  const auto images = std::make_shared<std::vector<ArchivedImage>>(copyImages(path, *file));
  if (images->empty()) throw Error(path.string() + ": no image in it");
  settleNames(*images);
  stripCommonFolders(*images, path);

  PackInput input;
  for (uint64_t at = 0; at < images->size(); ++at) {
    const std::string identity = (*images)[at].name.begin()->string();
    if (input.identities.empty() || input.identities.back().name != identity) {
      input.identities.push_back({identity, static_cast<int32_t>(input.identities.size())});
    }
    input.images.push_back({at, static_cast<uint32_t>(input.identities.size() - 1)});
  }
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
