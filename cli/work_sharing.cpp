// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "cli/work_sharing.h"

#include <cstdio>

#include "base/error.h"
#include "control/hosts.h"
#include "control/mpirun.h"

namespace sphereface {

void WorkSharing::addOptions(CLI::App& verb) {
  verb.add_option("--workers", workers_,
                  "Ranks that share the work, started with mpirun (default: this process alone, or "
                  "all that --hosts takes)")
      ->check(CLI::PositiveNumber);
  verb.add_option(
      "--hosts", hosts_,
      "NAME:RANKS,NAME:RANKS,...: the hosts to run them on; files have the same paths on "
      "all");
}

bool WorkSharing::otherRanksDidIt() const {
  const bool in_rank = ranks_ != &alone_;
  if (in_rank || (workers_ <= 1 && hosts_.empty())) return false;
  std::vector<Host> places = {{"", workers_}};
  if (!hosts_.empty()) {
    const std::vector<Host> hosts = parseHosts(hosts_);
    places = fillHosts(hosts, workers_ > 0 ? workers_ : totalSlots(hosts));
  }
  CommandLine line = mpirunLine();
  if (!hosts_.empty()) useNetwork(line, networkOf(places));
  for (const Host& place : places) {
    if (&place != &places.front()) line.emplace_back(":");
    addRanks(line, place.name, place.slots, "sphereface-evaluator");
    line.insert(line.end(), arguments_.begin(), arguments_.end());
  }
  std::printf("%s\n", shellText(line).c_str());
  std::fflush(stdout);
  const int code = runProgram(line, mpirunEnvironment());
  if (code == kNoSuchProgram) throw Error("cannot run mpirun: is OpenMPI installed?");
  if (code == kExitUsage) throw UsageError("the ranks refused their arguments (see above)");
  if (code != kExitDone) {
    throw Error(concat("the ranks ended with exit code ", code, " (see above for which one)"));
  }
  return true;
}

}  // namespace sphereface
