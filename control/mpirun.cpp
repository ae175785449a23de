// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "control/mpirun.h"

#include <unistd.h>

#include <cstdlib>

#include "base/error.h"

namespace sphereface {

CommandLine mpirunLine() {
  return {"mpirun", "--oversubscribe", "--bind-to", "none",
          // Debian 13's mpirun (OpenMPI 5.0.7) crashes on a line with a colon while it sets
          // variables nobody here reads.
          "--mca", "pmdl", "^ompi"};
}

std::optional<Route> networkOf(const std::vector<Host>& hosts) {
  if (std::getenv("OMPI_MCA_btl_tcp_if_include") != nullptr) return std::nullopt;
  std::vector<std::string> names;
  for (const Host& host : hosts)
    names.push_back(host.name);
  return sharedNetwork(names);
}

void useNetwork(CommandLine& line, const std::optional<Route>& network) {
  if (network) line.insert(line.end(), {"--mca", "btl_tcp_if_include", network->network});
}

void addRanks(CommandLine& line, const std::string& host, int count, const std::string& program) {
  if (!host.empty()) line.insert(line.end(), {"--host", concat(host, ":", count)});
  line.insert(line.end(), {"-np", std::to_string(count), siblingProgram(program).string()});
}

void addRanksOnCpus(CommandLine& line, const std::string& host, int count,
                    const std::string& program, int cpus, int before) {
  addRanks(line, host, count, "sphereface-on-cpus");
  line.insert(line.end(),
              {std::to_string(cpus), std::to_string(before), siblingProgram(program).string()});
}

Environment mpirunEnvironment() {
  if (::geteuid() != 0) return {};
  return {{"OMPI_ALLOW_RUN_AS_ROOT", "1"}, {"OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"}};
}

}  // namespace sphereface
