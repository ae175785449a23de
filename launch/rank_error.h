// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sphereface {

/// Finds the first error that a rank of a job writes to stderr before it ends it
/// (control/mpi_session.h): "sphereface-worker: rank 2@node1: error: ...".
class RankErrorFinder {
 public:
  void read(std::string_view errors);
  /// "rank 2@node1: ..."; nothing when no rank has said one.
  const std::optional<std::string>& found() const { return found_; }

 private:
  std::string line_;  // as far as it has come
  std::optional<std::string> found_;
};

}  // namespace sphereface
