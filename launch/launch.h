// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// How a job of ours is started, and what is known of its end.

#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/subprocess.h"
#include "launch/dead_rank.h"
#include "launch/hosts.h"
#include "launch/job_part.h"
#include "launch/network_route.h"
#include "launch/srun.h"

namespace sphereface {

enum class Launcher { kMpirun, kSrun };

/// What --launcher takes, the first one unless it is given.
const std::vector<std::string>& launcherNames();
/// errors: UsageError for a name that is none.
Launcher launcherNamed(const std::string& name);

/// What the hosts reach each other through. Neither a route nor a problem where
/// OMPI_MCA_btl_tcp_if_include chooses.
SharedNetwork networkOf(const std::vector<Host>& hosts);
/// For the user; empty with neither a route nor a problem.
std::string networkText(const SharedNetwork& network);

struct JobEnd {
  int code = 0;  // of the rank that ended first otherwise than well, or runProgram's
  std::optional<DeadRank> dead;
};

class JobStart {
 public:
  /// errors: as SrunStart's.
  JobStart(Launcher launcher, const std::vector<JobPart>& parts,
           const std::optional<Route>& network);

  const CommandLine& line() const { return line_; }

  /// Runs the job. `look` and `errors` as runProgram's.
  JobEnd run(const std::function<void(pid_t)>& look = {},
             const std::function<void(std::string_view)>& errors = {}) const;

 private:
  std::optional<SrunStart> srun_;
  CommandLine line_;
};

}  // namespace sphereface
