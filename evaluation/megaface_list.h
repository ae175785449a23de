// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The lists of the MegaFace development kit and those of noisy images that go with it.
//
// A template list is a JSON object with an array "path" and, for probes, an equally long array
// "id": facescrub_features_list.json, fgnet_feature_list.json,
// megaface_features_list.json_1000000_1.
//
// A noise list is a text file, an image a line, '#' beginning a comment; of a line with TABs the
// second column counts. Images of probes are named by their base name ("First_Last_12.png"), those
// of distractors by their path ("115/11538314@N00/5026823_0.jpg").

#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace sphereface {

struct MegafaceList {
  std::string file;                // base name of the list
  std::vector<std::string> paths;  // in list order, each once
  std::vector<std::string> ids;    // the person of each, or empty for distractors
  std::string sha256;              // of the list's file
};

/// errors: Error naming file and entry: not such an object, arrays of unequal length, an empty
/// list, a path twice, no "id" although `with_ids`.
MegafaceList readMegafaceList(const std::filesystem::path& path, bool with_ids);

enum class NoiseNames { kBaseName, kPath };

/// What a noise list leaves of a list.
struct CleanedList {
  MegafaceList list;
  std::vector<size_t> kept;  // the images' places in the list as it was
  size_t removed = 0;        // images of the list that were named
  size_t named = 0;          // images that the noise list names, also such as the list hasn't
};

/// The list without the images named in `noise`. Suffixes don't count, and a space is an
/// underscore: the same noise list serves the cropped and the uncropped FaceScrub list.
/// errors: Error naming the noise list when it names no image, or when nothing is left.
CleanedList removeNoise(const MegafaceList& list, const std::filesystem::path& noise,
                        NoiseNames names);

}  // namespace sphereface
