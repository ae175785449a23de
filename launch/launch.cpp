// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "launch/launch.h"

#include <cstdlib>

#include "base/error.h"

namespace sphereface {
namespace {

constexpr const char* kMpirunName = "mpirun";
constexpr const char* kSrunName = "srun";

}  // namespace

std::vector<std::string> programLine(const std::vector<JobPart>& parts, size_t part) {
  const JobPart& own = parts[part];
  std::vector<std::string> line;
  if (own.cpus > 0) {
    int first = 0;   // rank
    int before = 0;  // ranks on the host
    for (size_t i = 0; i < part; ++i) {
      first += parts[i].place.slots;
      if (parts[i].place.name == own.place.name) before += parts[i].place.slots;
    }
    line = {siblingProgram("sphereface-on-cpus").string(), std::to_string(own.cpus),
            std::to_string(before), std::to_string(first)};
  }
  line.push_back(siblingProgram(own.program).string());
  line.insert(line.end(), own.arguments.begin(), own.arguments.end());
  return line;
}

const std::vector<std::string>& launcherNames() {
  static const std::vector<std::string> kNames = {kMpirunName, kSrunName};
  return kNames;
}

Launcher launcherNamed(const std::string& name) {
  if (name == kMpirunName) return Launcher::kMpirun;
  if (name == kSrunName) return Launcher::kSrun;
  throw UsageError(concat("--launcher ", name, ": no such launcher"));
}

SharedNetwork networkOf(const std::vector<Host>& hosts) {
  if (std::getenv("OMPI_MCA_btl_tcp_if_include") != nullptr) return {};
  std::vector<std::string> names;
  names.reserve(hosts.size());
  for (const Host& host : hosts)
    names.push_back(host.name);
  return sharedNetwork(names);
}

std::string networkText(const SharedNetwork& network) {
  if (network.route) {
    return concat(network.route->network, ", here ", network.route->interface, " ",
                  network.route->address, ", by the route to the other hosts");
  }
  if (network.problem.empty()) return {};
  return concat(
      "left to MPI, which may choose one that leads nowhere "
      "(OMPI_MCA_btl_tcp_if_include=10.0.0.0/24, say, chooses): none is shared: ",
      network.problem);
}

JobStart::JobStart(Launcher launcher, const std::vector<JobPart>& parts,
                   const std::optional<Route>& network) {
  if (launcher == Launcher::kSrun) {
    line_ = srun_.emplace(parts, network).line();
  } else {
    checkMpirun();
    line_ = mpirunLine(parts, network);
  }
}

JobEnd JobStart::run(const std::function<void(pid_t)>& look,
                     const std::function<void(std::string_view)>& errors) const {
  DeadRankFinder finder;
  const auto read = [&](std::string_view text) {
    finder.read(text);
    if (errors) errors(text);
  };
  JobEnd end;
  end.code = runProgram(line_, srun_ ? Environment() : mpirunEnvironment(), look, read);
  // A rank may end with that code too; then srun reports it. Without srun `env` speaks.
  if (srun_ && end.code == kNoSuchProgram && !finder.code().has_value()) {
    throw Error("cannot run srun: is this a node of a Slurm cluster?");
  }
  // srun's own code is the highest one, and that of ranks it has ended itself is 143.
  if (end.code != 0 && finder.code()) end.code = *finder.code();
  end.dead = finder.found();
  return end;
}

}  // namespace sphereface
