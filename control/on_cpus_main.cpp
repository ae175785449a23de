// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// sphereface-on-cpus COUNT BEFORE PROGRAM [ARGUMENT...]: what mpirun or srun starts in place of a
// rank that is to stay on CPUs of its own. Becomes the program, on the next COUNT of the CPUs that
// the job may use on this host, counted by the ranks here, of which the first BEFORE ones have
// none. Where there are too few, it says so and leaves the rank on all of them. (Their own binding
// can't leave out the coordinator.)

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
#include "base/host_name.h"

namespace sphereface {
namespace {

/// A whole number of at least 0; -1 for anything else.
int numberFrom(std::string_view text) {
  int value = -1;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && stop == end ? value : -1;
}

/// Of the job's ranks on this host, from 0; -1 where neither mpirun nor srun says. (mpirun's
/// daemons in an allocation are srun's, so its own word comes first.)
int rankOnHost() {
  for (const char* name : {"OMPI_COMM_WORLD_LOCAL_RANK", "SLURM_LOCALID"}) {
    const char* rank = std::getenv(name);
    if (rank != nullptr) return numberFrom(rank);
  }
  return -1;
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
  const int rank = rankOnHost();
  if (count < 1 || before < 0 || rank < before) {
    std::fprintf(stderr,
                 "sphereface-on-cpus: `sphereface train --cpus-per-worker` starts this, with "
                 "OpenMPI's mpirun or Slurm's srun\n");
    return kExitUsage;
  }
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  ::sched_getaffinity(0, sizeof allowed, &allowed);
  const int place = rank - before;
  if (!stayOn(allowed, place * count, count)) {
    std::fprintf(
        stderr,
        "sphereface-on-cpus: worker %d on %s has no %d CPUs of its own: the job may use %d "
        "here\n",
        place + 1, hostName().c_str(), count, CPU_COUNT(&allowed));
  }
  ::execv(arguments[3], arguments + 3);
  std::fprintf(stderr, "sphereface-on-cpus: cannot run %s: %s\n", arguments[3],
               std::strerror(errno));
  return kExitFailed;
}

}  // namespace
}  // namespace sphereface

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: sphereface-on-cpus COUNT BEFORE PROGRAM [ARGUMENT...]\n");
    return sphereface::kExitUsage;
  }
  return sphereface::run(argv);
}
