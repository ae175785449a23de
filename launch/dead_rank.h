// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// A rank that is ended by a signal can't say so, and only what started it, mpirun or srun, knows
// which one it was, at the end of the job. What it was doing the coordinator has heard, and writes
// down when the end is announced. This puts the two together.

#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace sphereface {

struct DeadRank {
  int rank = 0;
  std::string host;    // as mpirun or srun calls it
  std::string signal;  // "9 (Killed)"
};

/// Finds it in the words of OpenMPI's mpirun, 4 and 5, or of Slurm's srun, as they come.
class DeadRankFinder {
 public:
  void read(std::string_view errors);
  /// The first one; nothing when no signal ended a rank.
  const std::optional<DeadRank>& found() const { return found_; }
  /// Of the first rank that srun reports, 128 + signal if one ended it.
  const std::optional<int>& code() const { return code_; }

 private:
  void lookForSrun();

  std::string tail_;  // of what was read
  std::optional<DeadRank> found_;
  std::optional<int> code_;
};

/// "rank 2@node2 was ended by signal 9 (Killed), last heard 0.7 s before the job's end in step 41,
/// ...", as far as the coordinator's stop event in `events` (events.jsonl), from byte `from` on,
/// tells. Unreadable lines are passed over.
std::string describeDeadRank(const DeadRank& dead, const std::filesystem::path& events,
                             uint64_t from);

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
