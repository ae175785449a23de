// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Jobs started by Slurm's srun inside an allocation, with the PMIx that OpenMPI speaks.

#pragma once

#include <optional>
#include <vector>

#include "base/subprocess.h"
#include "base/temporary_folder.h"
#include "launch/job_part.h"
#include "launch/network_route.h"

namespace sphereface {

class SrunStart {
 public:
  /// Writes the two files that srun reads here and takes to the nodes itself: who runs what, and
  /// where. errors: UsageError outside an allocation, or for a line break in an argument.
  SrunStart(const std::vector<JobPart>& parts, const std::optional<Route>& network);

  const CommandLine& line() const { return line_; }

 private:
  TemporaryFolder folder_;
  CommandLine line_;
};

}  // namespace sphereface
