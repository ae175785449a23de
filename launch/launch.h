// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// How a job of ours is started, and what is known of its end.

#pragma once

#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/subprocess.h"
#include "base/temporary_folder.h"
#include "launch/dead_rank.h"
#include "launch/hosts.h"
#include "launch/network_route.h"

namespace sphereface {

/// Ranks next to each other that run one program. A job's ranks are numbered through its parts.
struct JobPart {
  Host place;           // with as many slots as the part has ranks; no name: where there is room
  std::string program;  // of this build
  std::vector<std::string> arguments;
  int cpus = 0;  // each rank's own, of those that the job may use on its host; 0: they share all
};

/// The path and the arguments of a part's program, through sphereface-on-cpus where ranks have CPUs
/// of their own; those of earlier parts on the same host have none.
std::vector<std::string> programLine(const std::vector<JobPart>& parts, size_t part);

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

// By OpenMPI's mpirun (launch/mpirun.cpp).

/// "mpirun" and the options every job is started with.
CommandLine mpirunLine();

/// The whole line: a part each, with a ":" between. mpirun otherwise tries every network that is
/// up.
CommandLine mpirunLine(const std::vector<JobPart>& parts, const std::optional<Route>& network);

/// errors: Error when the mpirun that would be started is another MPI's.
void checkMpirun();

/// What mpirun needs in its environment: OpenMPI refuses root unless told twice, and in a container
/// root is the usual user.
Environment mpirunEnvironment();

/// By Slurm's srun inside an allocation, with the PMIx that OpenMPI speaks (launch/srun.cpp).
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

struct JobEnd {
  int code = 0;  // of the rank that ended first otherwise than well, or runProgram's
  std::optional<DeadRank> dead;
};

class JobStart {
 public:
  /// errors: as SrunStart's or checkMpirun's.
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
