// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Which files of a folder, or of an archive, are images. Suffixes of the formats that are read are
// believed, so that a folder of a million photographs is listed without opening one: a web page
// called x.jpg is an image that can't be decoded. Of other files the first bytes decide. What isn't
// an image is counted by its kind:
//
//     by name:      "macOS metadata" (__MACOSX/..., ._x.jpg, .DS_Store), "Windows metadata"
//                   (Thumbs.db, desktop.ini), "hidden" (.x, .x/...), "camera raw" (x.nef, ...)
//     by contents:  "GIF", "AVIF", "text", ...: those of base/content_kind.h
//     else:         "link" (that leads nowhere, or in an archive), "no file" (a pipe, a device)

#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"

namespace sphereface {

/// The files that were passed over, by kind.
class PassedOver {
 public:
  void add(const std::string& kind, const std::string& file);
  void add(const PassedOver& more);

  bool empty() const { return kinds_.empty(); }
  /// "2 GIF (a.gif, b.gif), 40 text (a.txt, b.txt, c.txt, ...)"
  std::string text() const;
  /// {"GIF": {"files": 2, "examples": ["a.gif", "b.gif"]}, ...}
  Json toJson() const;

 private:
  static constexpr size_t kExamples = 3;
  struct Kind {
    uint64_t files = 0;
    std::vector<std::string> examples;  // the first by name
  };
  std::map<std::string, Kind> kinds_;
};

/// The kind under which a file is passed over; nothing of an image. `name` is relative to the
/// folder that was asked for. `first_bytes` gives the file's first kTellingBytes, and is called
/// when the name says nothing.
std::optional<std::string> passedOverAs(const std::filesystem::path& name,
                                        const std::function<std::string()>& first_bytes);

/// True of the suffixes that are believed (any case): jpg, jpeg, jpe, jfif, png, bmp, webp, ppm,
/// pgm, pbm, pnm, tif, tiff.
bool hasImageSuffix(const std::filesystem::path& path);

/// Of one file, as passedOverAs() has it. False when it can't be read.
bool isImageFile(const std::filesystem::path& path);

struct ImageFolder {
  std::vector<std::filesystem::path> images;   // relative to the folder, in lexicographic order
  std::vector<std::filesystem::path> folders;  // that aren't hidden, likewise
  PassedOver passed_over;
};

/// All image files below `directory`. errors: Error when it is missing or holds no image, which
/// then says what it holds.
ImageFolder listImages(const std::filesystem::path& directory);

}  // namespace sphereface
