// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// sphereface-on-cpus COUNT BEFORE FIRST PROGRAM [ARGUMENT...]: what mpirun or srun starts in place
// of a rank that is to stay on CPUs of its own. Becomes the program, on the next COUNT of the CPUs
// that the job may use on this host, counted by the ranks here, of which the first BEFORE ones have
// none; the first one that has some is rank FIRST of the job. Where there are too few, it says so
// and leaves the rank on all of them. (Their own binding can't leave out the coordinator.)

#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <system_error>

#include "base/error.h"
#include "base/this_process.h"

namespace sphereface {
namespace {

/// A whole number of at least 0; -1 for anything else.
int numberFrom(std::string_view text) {
  int value = -1;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && stop == end ? value : -1;
}

/// The number that an environment variable has; -1 without one.
int variable(const char* name) {
  const char* text = std::getenv(name);
  return text != nullptr ? numberFrom(text) : -1;
}

/// Among the ranks on this host that have CPUs of their own, from 0; below 0 where nothing tells.
int placeOnHost(int before, int first) {
  const int on_host = variable("OMPI_COMM_WORLD_LOCAL_RANK");
  if (on_host >= 0) return on_host - before;
  // srun, and OpenMPI 5 without its pmdl component (launch/mpirun.cpp), tell the rank in the job,
  // which is enough where each part of a job has a host. (SLURM_LOCALID may be that of mpirun's
  // daemon.)
  return variable("PMIX_RANK") - first;
}

/// False where `allowed` has too few.
bool stayOn(const cpu_set_t& allowed, int first, int count) {
  cpu_set_t mine;
  CPU_ZERO(&mine);
  int seen = 0;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    if (seen >= first && seen < first + count) CPU_SET(cpu, &mine);
    ++seen;
  }
  return CPU_COUNT(&mine) == count && ::sched_setaffinity(0, sizeof mine, &mine) == 0;
}

int run(char** arguments) {
  const int count = numberFrom(arguments[1]);
  const int before = numberFrom(arguments[2]);
  const int first = numberFrom(arguments[3]);
  const int place = placeOnHost(before, first);
  if (count < 1 || before < 0 || first < 0 || place < 0) {
    std::fprintf(stderr,
                 "sphereface-on-cpus: `sphereface train --cpus-per-worker` starts this, with "
                 "OpenMPI's mpirun or Slurm's srun\n");
    return kExitUsage;
  }
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  ::sched_getaffinity(0, sizeof allowed, &allowed);
  if (!stayOn(allowed, place * count, count)) {
    std::fprintf(
        stderr,
        "sphereface-on-cpus: worker %d on %s has no %d CPUs of its own: the job may use %d "
        "here\n",
        place + 1, hostName().c_str(), count, CPU_COUNT(&allowed));
  }
  ::execv(arguments[4], arguments + 4);
  std::fprintf(stderr, "sphereface-on-cpus: cannot run %s: %s\n", arguments[4],
               std::strerror(errno));
  return kExitFailed;
}

}  // namespace
}  // namespace sphereface

int main(int argc, char** argv) {
  if (argc < 5) {
    std::fprintf(stderr, "usage: sphereface-on-cpus COUNT BEFORE FIRST PROGRAM [ARGUMENT...]\n");
    return sphereface::kExitUsage;
  }
  return sphereface::run(argv);
}
