// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The processes that share an evaluation's work, and all they say to each other. A process alone is
// a group of one. All ranks call the functions in the same order.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sphereface {

class RankGroup {
 public:
  RankGroup() = default;
  RankGroup(const RankGroup&) = delete;
  RankGroup& operator=(const RankGroup&) = delete;
  virtual ~RankGroup() = default;

  virtual size_t rank() const { return 0; }
  virtual size_t size() const { return 1; }
  /// Tells the user and writes the results.
  bool isFirst() const { return rank() == 0; }
  /// Ranks on this host, and this one's place among them.
  virtual size_t onHost() const { return 1; }
  virtual size_t placeOnHost() const { return 0; }

  /// On rank 0 every value becomes its sum over the ranks; on others nothing changes.
  virtual void sum(std::span<uint64_t> values);
  /// On rank 0 the bytes of all, by rank; on others nothing.
  virtual std::vector<std::string> gather(std::string bytes);
};

/// Threads of this rank: as many as are asked for or, with 0, its share of the host's cores.
size_t threadsOf(const RankGroup& ranks, size_t asked);

}  // namespace sphereface
