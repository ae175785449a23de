// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"
#include "identify/face_log.h"
#include "identify/gallery.h"

namespace sphereface {

/// What was looked through.
struct IdentifyInput {
  std::filesystem::path path;
  std::vector<std::string> photographs;  // names; none of a video
  double frames_per_second = 0;          // of a video

  bool isVideo() const { return frames_per_second > 0; }
};

struct Sightings {
  size_t images = 0;  // that show the person
  size_t tracks = 0;
};

/// Of each of gallery.people, in their order, and last of all who are unknown together.
std::vector<Sightings> countSightings(const IdentifiedFaces& identified, const Gallery& gallery);

/// The result as a table for people.
std::string identifyTable(const IdentifyInput& input, const IdentifiedFaces& identified,
                          const Gallery& gallery);

/// The result for programs (docs/identify.md lists the fields).
Json identifyJson(const IdentifyInput& input, const IdentifiedFaces& identified,
                  const Gallery& gallery, const NamingRule& rule);

}  // namespace sphereface
