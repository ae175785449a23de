// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "base/image_folder.h"

#include <algorithm>
#include <array>

#include "base/content_kind.h"
#include "base/error.h"
#include "base/image_file.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

template <class Names>
bool isOneOf(const std::string& name, const Names& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Their first bytes are those of TIFF, of a thumbnail.
constexpr std::array kCameraRaw = {".3fr", ".arw", ".cr2", ".cr3", ".dng", ".erf", ".kdc",
                                   ".mef", ".mos", ".mrw", ".nef", ".nrw", ".orf", ".pef",
                                   ".raf", ".rw2", ".rwl", ".srf", ".sr2", ".srw", ".x3f"};

std::optional<std::string> kindByName(const fs::path& name) {
  bool hidden = false;
  for (const fs::path& part : name) {
    const std::string word = part.string();
    if (word == "__MACOSX" || word == ".DS_Store" || word.starts_with("._")) {
      return "macOS metadata";
    }
    hidden = hidden || (word.starts_with('.') && word != "." && word != "..");
  }
  if (hidden) return "hidden";
  const std::string file = name.filename().string();
  if (file == "Thumbs.db" || file == "desktop.ini") return "Windows metadata";
  if (isOneOf(lowerCaseSuffix(name), kCameraRaw)) return "camera raw";
  return std::nullopt;
}

/// Of what a folder holds besides folders.
std::optional<std::string> kindOf(const fs::directory_entry& entry, const fs::path& name) {
  std::error_code failed;
  if (entry.is_regular_file(failed)) {
    return passedOverAs(name, [&] { return tellingBytes(entry.path()); });
  }
  if (std::optional<std::string> kind = kindByName(name)) return kind;
  return entry.is_symlink(failed) ? "link" : "no file";
}

}  // namespace

void PassedOver::add(const std::string& kind, const std::string& file) {
  Kind& of = kinds_[kind];
  ++of.files;
  of.examples.insert(std::upper_bound(of.examples.begin(), of.examples.end(), file), file);
  if (of.examples.size() > kExamples) of.examples.pop_back();
}

void PassedOver::add(const PassedOver& more) {
  for (const auto& [kind, other] : more.kinds_) {
    for (const std::string& file : other.examples)
      add(kind, file);
    kinds_[kind].files += other.files - other.examples.size();
  }
}

std::string PassedOver::text() const {
  std::string text;
  for (const auto& [kind, of] : kinds_) {
    std::string examples;
    for (const std::string& file : of.examples)
      examples += (examples.empty() ? "" : ", ") + file;
    text += concat(text.empty() ? "" : ", ", of.files, " ", kind, " (", examples,
                   of.files > of.examples.size() ? ", ...)" : ")");
  }
  return text;
}

Json PassedOver::toJson() const {
  Json json = Json::object();
  for (const auto& [kind, of] : kinds_)
    json[kind] = {{"files", of.files}, {"examples", of.examples}};
  return json;
}

bool hasImageSuffix(const fs::path& path) {
  static constexpr std::array kSuffixes = {".jpg", ".jpeg", ".jpe", ".jfif", ".png",
                                           ".bmp", ".webp", ".ppm", ".pgm",  ".pbm",
                                           ".pnm", ".tif",  ".tiff"};
  return isOneOf(lowerCaseSuffix(path), kSuffixes);
}

std::optional<std::string> passedOverAs(const fs::path& name,
                                        const std::function<std::string()>& first_bytes) {
  if (std::optional<std::string> kind = kindByName(name)) return kind;
  if (hasImageSuffix(name)) return std::nullopt;
  const ContentKind kind = contentKind(first_bytes());
  if (kind.format != ImageFormat::kNone) return std::nullopt;
  return std::string(kind.name);
}

bool isImageFile(const fs::path& path) {
  return !passedOverAs(path.filename(), [&] { return tellingBytes(path); });
}

ImageFolder listImages(const fs::path& directory) {
  if (!fs::is_directory(directory)) throw Error(concat("no such folder: ", directory.string()));
  ImageFolder found;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(
           directory, fs::directory_options::follow_directory_symlink)) {
    fs::path name = entry.path().lexically_relative(directory);
    if (entry.is_directory()) {
      if (!kindByName(name)) found.folders.push_back(std::move(name));
    } else if (const std::optional<std::string> kind = kindOf(entry, name)) {
      found.passed_over.add(*kind, name.string());
    } else {
      found.images.push_back(std::move(name));
    }
  }
  if (found.images.empty()) {
    throw Error(
        concat("no image below ", directory.string(),
               found.passed_over.empty() ? "" : "; passed over: ", found.passed_over.text()));
  }
  std::sort(found.images.begin(), found.images.end());
  std::sort(found.folders.begin(), found.folders.end());
  return found;
}

}  // namespace sphereface
