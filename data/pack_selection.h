// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Which of an input's images are packed.

#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <opencv2/core.hpp>
#include <string>
#include <vector>

#include "data/import/pack_input.h"

namespace sphereface {

/// The identities that CASIA-WebFace shares with LFW, by their folders in it; SphereFace's data
/// list leaves them out too, which makes 10,572 classes of 10,575.
inline constexpr std::array kLfwOverlap = {"0166921", "1056413", "1193098"};

/// In the order in which they are applied.
struct PackSelection {
  /// Files of names to leave out, one a line: identities, or images as the input names them
  /// ("0000045/001.jpg"), with or without suffix.
  std::vector<std::filesystem::path> exclude;
  /// Leave out the three identities of CASIA-WebFace that LFW has too.
  bool exclude_lfw_overlap = false;
  /// Take identities whose images all lie in subfolders of theirs. Such are refused otherwise: as a
  /// rule the folder is one level too high ("train/" and "test/" in it).
  bool subfolders = false;
  /// Leave out images that can't be used, and identities left without one, instead of failing.
  bool skip_bad = false;
  /// Leave out images that are equal byte for byte to an earlier one of their identity, and all
  /// that are equal to one of another identity.
  bool drop_repeated = false;
  /// Identities with fewer images are left out.
  uint64_t min_images = 1;
  /// Of identities with more a random choice is kept. 0: all are.
  uint64_t max_images = 0;
  /// Close gaps in labels that stand in the input, in their order, instead of failing.
  bool renumber = false;
};

/// What was left out, for the user.
struct LeftOut {
  std::vector<std::string> bad;         // images: the reason, which names the place
  std::vector<std::string> repeated;    // images, by place
  std::vector<std::string> identities;  // without an image, or with too few
  uint64_t excluded = 0;                // images, by name
  uint64_t beyond_most = 0;             // images, by max_images
};

/// Takes out of `input` what isn't to be packed. ensures: the identities' labels are 0 .. C-1, and
/// each identity has an image. `notes` gets names to be excluded that aren't there.
/// errors: Error when labels that stand in the input would have gaps, when an identity folder is
/// empty (without skip_bad) or has subfolders alone (without subfolders), or less than two
/// identities are left.
LeftOut selectImages(PackInput& input, const PackSelection& selection, const cv::Size& size,
                     uint64_t seed, size_t threads, const std::filesystem::path& name);

}  // namespace sphereface
