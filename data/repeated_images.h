// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace sphereface {

/// Half of an image's SHA-256: equal for equal bytes, and for no others that anybody will see.
using ImageDigest = std::array<uint64_t, 2>;
ImageDigest imageDigest(std::string_view bytes);

struct RepeatedImages {
  /// Of each identity's equal images all but the first. Indices, rising.
  std::vector<uint64_t> within;
  /// Images, all of them, that stand under more than one identity: one of the labels is wrong, but
  /// nobody can say which. Indices, rising.
  std::vector<uint64_t> across;
};

/// requires: as many digests as identities, one of each for an image.
RepeatedImages findRepeated(const std::vector<ImageDigest>& digests,
                            const std::vector<uint32_t>& identities);

}  // namespace sphereface
