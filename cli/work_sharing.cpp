// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "cli/work_sharing.h"

#include <cstdio>
#include <optional>

#include "base/error.h"
#include "launch/hosts.h"
#include "launch/launch.h"

namespace sphereface {

void WorkSharing::addOptions(const Command& verb) {
  verb.option("--workers", {&workers_, "[1, 65536]"},
              "Ranks that share the work (default: this process alone, or all that --hosts takes)");
  verb.option(
      "--hosts", &hosts_,
      "NAME:RANKS,NAME:RANKS,...: the hosts to run them on; files have the same paths on all");
  verb.setting("--launcher", &launcher_,
               "What starts them: mpirun, or, in a Slurm allocation, srun (with --mpi=pmix)")
      .oneOf(launcherNames());
}

bool WorkSharing::otherRanksDidIt() const {
  const bool in_rank = ranks_ != &alone_;
  if (in_rank || !isShared()) return false;
  std::vector<Host> places = {{"", workers_}};
  if (!hosts_.empty()) {
    const std::vector<Host> hosts = parseHosts(hosts_);
    places = fillHosts(hosts, workers_ > 0 ? workers_ : totalSlots(hosts));
  }
  std::vector<JobPart> parts;
  parts.reserve(places.size());
  for (const Host& place : places)
    parts.push_back({place, "sphereface-evaluator", arguments_, 0});
  const SharedNetwork network = hosts_.empty() ? SharedNetwork() : networkOf(places);
  if (!network.problem.empty()) std::printf("network: %s\n", networkText(network).c_str());
  const JobStart start(launcherNamed(launcher_), parts, network.route);
  std::printf("%s\n", shellText(start.line()).c_str());
  std::fflush(stdout);
  const int code = start.run().code;
  if (code == kExitUsage) throw UsageError("the ranks refused their arguments (see above)");
  if (code != kExitDone) {
    throw Error(concat("the ranks ended with exit code ", code, " (see above for which one)"));
  }
  return true;
}

}  // namespace sphereface
