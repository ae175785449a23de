// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"
#include "identify/gallery.h"
#include "identify/identify.h"

namespace sphereface {

/// What was looked through.
struct IdentifyInput {
  std::filesystem::path path;
  std::vector<std::string> photographs;  // names; none of a video
  double frames_per_second = 0;          // of a video

  bool isVideo() const { return frames_per_second > 0; }
};

/// The result as a table for people.
std::string identifyTable(const IdentifyInput& input, const IdentifiedFaces& identified,
                          const Gallery& gallery);

/// The result for programs (docs/identify.md lists the fields).
Json identifyJson(const IdentifyInput& input, const IdentifiedFaces& identified,
                  const Gallery& gallery, const NamingRule& rule);

/// The result as an HTML page that holds all it shows: of each person who was found the photograph
/// of the gallery beside the faces with the highest scores (of a video, one for each track), then
/// the unknown faces.
std::string identifyPage(const IdentifyInput& input, const IdentifiedFaces& identified,
                         const Gallery& gallery, const NamingRule& rule);

}  // namespace sphereface
