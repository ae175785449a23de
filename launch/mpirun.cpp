// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "launch/launch.h"

#include <unistd.h>

#include <cstddef>
#include <string>

#include "base/error.h"
#include "base/subprocess.h"

namespace sphereface {

CommandLine mpirunLine() {
  return {"mpirun", "--oversubscribe", "--bind-to", "none",
          // Debian 13's mpirun (OpenMPI 5.0.7) crashes on a line with a colon while it sets
          // variables nobody here reads.
          "--mca", "pmdl", "^ompi"};
}

CommandLine mpirunLine(const std::vector<JobPart>& parts, const std::optional<Route>& network) {
  CommandLine line = mpirunLine();
  if (network) line.insert(line.end(), {"--mca", "btl_tcp_if_include", network->network});
  for (size_t i = 0; i < parts.size(); ++i) {
    const Host& place = parts[i].place;
    if (i > 0) line.emplace_back(":");
    if (!place.name.empty()) {
      line.insert(line.end(), {"--host", concat(place.name, ":", place.slots)});
    }
    line.insert(line.end(), {"-np", std::to_string(place.slots)});
    const std::vector<std::string> program = programLine(parts, i);
    line.insert(line.end(), program.begin(), program.end());
  }
  return line;
}

void checkMpirun() {
  constexpr double kPatience = 20;  // seconds
  const ProgramOutput answer = captureProgram({"mpirun", "--version"}, {}, kPatience);
  if (answer.code == kNoSuchProgram) throw Error("cannot run mpirun: is OpenMPI installed?");
  if (answer.out.find("Open MPI") != std::string::npos) return;
  const std::string said = answer.out + answer.errors;
  const size_t begin = said.find_first_not_of(" \n");
  throw Error(
      concat("the mpirun that is first in PATH is not OpenMPI's, which this program was "
             "built for: it says \"",
             begin == std::string::npos ? said : said.substr(begin, said.find('\n', begin) - begin),
             "\"; put OpenMPI's folder ahead of it in PATH"));
}

Environment mpirunEnvironment() {
  if (::geteuid() != 0) return {};
  return {{"OMPI_ALLOW_RUN_AS_ROOT", "1"}, {"OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"}};
}

}  // namespace sphereface
