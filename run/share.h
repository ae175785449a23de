// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>

namespace sphereface {

/// A run [begin, end) of things.
struct Share {
  size_t begin = 0;
  size_t end = 0;

  size_t size() const { return end - begin; }
};

/// What the `part`-th, from 0, of those who share `count` things has of them: a worker of a batch's
/// images, and of the classes where they are spread; a rank of the distractors it scores. Shares
/// follow each other and differ by at most one in size.
constexpr Share shareOf(size_t count, size_t parts, size_t part) {
  return {count * part / parts, count * (part + 1) / parts};
}

}  // namespace sphereface
