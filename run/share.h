// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <cstdint>

namespace sphereface {

/// A run [begin, end) of things.
struct Share {
  uint32_t begin = 0;
  uint32_t end = 0;

  uint32_t size() const { return end - begin; }
};

/// What worker `worker`, from 0, has of `count` things: of the images of a batch, and of the
/// classes where they are spread. Shares follow each other and differ by at most one in size.
constexpr Share shareOf(uint32_t count, int workers, int worker) {
  auto begin = [&](int of) {
    return static_cast<uint32_t>(static_cast<uint64_t>(count) * static_cast<uint64_t>(of) /
                                 static_cast<uint64_t>(workers));
  };
  return {begin(worker), begin(worker + 1)};
}

}  // namespace sphereface
