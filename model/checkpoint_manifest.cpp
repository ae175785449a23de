// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "model/checkpoint_manifest.h"

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/atomic_file.h"
#include "base/content_kind.h"
#include "base/error.h"
#include "base/sha256.h"
#include "model/checkpoint.h"
#include "proto/text_format.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

constexpr const char* kManifest = "manifest.textproto";
constexpr std::string_view kSumLine = "# SHA-256 of all below: ";
constexpr uint64_t kMostNumbers = uint64_t{1} << 60;

using Part = CheckpointManifest::Part;

class WholenessCheck {
 public:
  WholenessCheck(const fs::path& folder, const CheckpointManifest& manifest)
      : folder_(folder), manifest_(manifest) {}

  void run() {
    if (!manifest_.has_format_version()) fail("it has no format_version");
    if (manifest_.format_version() != kCheckpointFormat) {
      throw Error(concat((folder_ / kManifest).string(), ": format version ",
                         manifest_.format_version(), ", this program reads ", kCheckpointFormat));
    }
    if (!manifest_.has_step()) fail("it has no step");
    if (!manifest_.config().has_network()) fail("it has no network");
    const uint64_t numbers = checkTensors();
    checkParts(Part::PARAMETERS, numbers);
    checkParts(Part::MOMENTUM, numbers);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(concat((folder_ / kManifest).string(), ": damaged: ", what));
  }

  /// How many numbers the tensors have together.
  uint64_t checkTensors() const {
    if (manifest_.tensor().empty()) fail("it has no tensor");
    uint64_t end = 0;
    for (const CheckpointManifest::Tensor& tensor : manifest_.tensor()) {
      if (tensor.name().empty() || tensor.dim().empty()) fail("a tensor has no name or shape");
      if (tensor.offset() != end) {
        fail(concat("tensor ", tensor.name(), " begins at ", tensor.offset(),
                    ", the one before ends at ", end));
      }
      uint64_t count = 1;
      for (const uint64_t extent : tensor.dim()) {
        if (extent > 0 && count > kMostNumbers / extent) {
          fail(concat("tensor ", tensor.name(), " has more numbers than there can be"));
        }
        count *= extent;
      }
      end += count;
      if (end > kMostNumbers) fail("the tensors have more numbers than there can be");
    }
    return end;
  }

  void checkParts(Part::Content content, uint64_t numbers) {
    std::vector<const Part*> parts;
    for (const Part& part : manifest_.part()) {
      if (!part.has_content()) fail("a part has no content");
      if (part.content() == content) parts.push_back(&part);
    }
    std::ranges::sort(parts, {},
                      [](const Part* part) { return std::pair(part->offset(), part->bytes()); });
    uint64_t end = 0;
    for (const Part* part : parts) {
      checkFile(*part);
      if (part->offset() != end) {
        fail(concat("part ", part->file(), " begins at number ", part->offset(), " instead of ",
                    end));
      }
      end += part->bytes() / sizeof(float);
    }
    if (end != numbers) {
      fail(concat("the parts of ", Part::Content_Name(content), " hold ", end,
                  " numbers, the tensors have ", numbers));
    }
  }

  void checkFile(const Part& part) {
    const std::string& name = part.file();
    if (name.empty() || name == "." || name == ".." || name == kManifest ||
        name.find_first_of(std::string_view("/\0", 2)) != std::string::npos) {
      fail("a part has no file's name");
    }
    if (!files_.insert(name).second) fail(concat("two parts are in ", name));
    if (part.bytes() % sizeof(float) != 0)
      fail(concat("part ", name, " has ", part.bytes(), " bytes"));
    if (part.sha256().size() != 64 ||
        part.sha256().find_first_not_of("0123456789abcdef") != std::string::npos) {
      fail(concat("part ", name, " has no SHA-256"));
    }
    const fs::path path = folder_ / name;
    std::error_code absent;  // also a name that is too long
    if (!fs::is_regular_file(path, absent)) throw Error(concat(path.string(), " is missing"));
    if (fs::file_size(path) != part.bytes()) {
      throw Error(concat(path.string(), ": ", fs::file_size(path), " bytes, the manifest says ",
                         part.bytes()));
    }
  }

  const fs::path& folder_;
  const CheckpointManifest& manifest_;
  std::set<std::string> files_;
};

/// Why there is no checkpoint at a path.
std::string whatElseIsAt(const fs::path& path) {
  if (!fs::exists(path)) return concat("no such file or folder: ", path.string());
  if (fs::is_directory(path)) {
    return concat(path.string(), " is no checkpoint: it has no ", kManifest,
                  fs::exists(path / "data.mdb") ? "; it is a data set" : "");
  }
  return concat(path.string(), " is no checkpoint of this program, which is a folder, but a file (",
                contentKind(tellingBytes(path)).name,
                "); `sphereface convert --from` makes one of a .caffemodel or .safetensors file; "
                "PyTorch's weights are written as such by the package safetensors");
}

}  // namespace

void writeCheckpointManifest(const fs::path& folder, const CheckpointManifest& manifest) {
  const std::string text = printText(manifest);
  writeFileAtomically(folder / kManifest, concat(kSumLine, sha256(text), "\n", text));
}

CheckpointManifest readCheckpointManifest(const fs::path& folder) {
  const fs::path file = folder / kManifest;
  if (!fs::exists(file)) throw Error(whatElseIsAt(folder));
  const std::string text = readFile(file);
  const std::string_view view(text);
  if (view.starts_with(kSumLine)) {
    const size_t line_end = std::min(view.find('\n'), view.size() - 1);
    if (view.substr(kSumLine.size(), line_end - kSumLine.size()) !=
        sha256(view.substr(line_end + 1))) {
      throw Error(concat(file.string(),
                         ": damaged: the SHA-256 of its text isn't the one in its first "
                         "line (remove that line if you changed it)"));
    }
  }
  CheckpointManifest manifest;
  try {
    parseText(view, file.string(), manifest);
  } catch (const UsageError& e) {
    throw Error(e.what());
  }
  WholenessCheck(folder, manifest).run();
  return manifest;
}

uint64_t numbersOf(const CheckpointManifest::Tensor& tensor) {
  uint64_t count = 1;
  for (const uint64_t extent : tensor.dim())
    count *= extent;
  return count;
}

}  // namespace sphereface
