// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "doctor/mpi_checks.h"

#include <cmath>
#include <cstdlib>
#include <iomanip>
#include <map>
#include <sstream>

#include "base/error.h"
#include "base/json.h"
#include "launch/launch.h"

namespace sphereface::doctor {
namespace {

constexpr double kProbeSeconds = 60;
/// Below it the reduction takes longer than most networks compute: about Ethernet of 1 Gbit/s.
constexpr double kSlowBytesPerSecond = 0.1e9;

/// The lines that are JSON objects: one when all ranks were in one job.
std::vector<Json> answers(const std::string& text) {
  std::vector<Json> found;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    Json json = tryParseJson(line);
    if (json.is_object() && json.contains("hosts")) found.push_back(std::move(json));
  }
  return found;
}

/// The last lines of what a program said, as one.
std::string endOf(const std::string& text) {
  constexpr size_t kMost = 400;
  std::string words;
  std::istringstream in(text);
  for (std::string word; in >> word;) {
    if (word.find_first_not_of("-=*") != std::string::npos)
      words += (words.empty() ? "" : " ") + word;
  }
  return words.size() <= kMost ? words : "... " + words.substr(words.size() - kMost);
}

std::string hostsText(const Json& hosts) {
  std::map<std::string, int> ranks;
  for (const Json& host : hosts)
    ++ranks[host.get<std::string>()];
  std::string text;
  for (const auto& [host, count] : ranks)
    text += concat(text.empty() ? "" : ", ", count, count == 1 ? " rank on " : " ranks on ", host);
  return text;
}

/// "Open MPI v4.1.4" of "Open MPI v4.1.4, package: ..."
std::string libraryName(const Json& json) {
  const auto text = json.at("library").get<std::string>();
  return text.substr(0, text.find_first_of(",\n"));
}

std::string probeCommand(int workers) {
  CommandLine line = mpirunLine();
  line.insert(line.end(), {"-np", std::to_string(workers + 1), "sphereface-worker", "--probe"});
  return shellText(line);
}

}  // namespace

ProgramOutput runMpiProbe(int workers) {
  CommandLine line = mpirunLine();
  line.insert(line.end(), {"-np", std::to_string(workers + 1),
                           siblingProgram("sphereface-worker").string(), "--probe"});
  return captureProgram(line, mpirunEnvironment(), kProbeSeconds);
}

Finding mpiFinding(const ProgramOutput& probe, int workers, uint64_t allreduce_bytes) {
  const std::string name = "mpi";
  if (probe.code == kNoSuchProgram && !probe.timed_out) {
    return failure(name, concat("mpirun can't be run: ", endOf(probe.errors)),
                   "apt-get install openmpi-bin, or put the folder of its mpirun on the PATH");
  }
  const std::vector<Json> found = answers(probe.out);
  if (probe.timed_out) {
    return failure(name,
                   concat("a job of ", workers + 1, " ranks didn't end within ", kProbeSeconds,
                          " s ", endOf(probe.errors)),
                   concat("see `network` and `session folder`, then ", probeCommand(workers),
                          " with --mca btl_base_verbose 30"));
  }
  if (found.size() > 1) {
    return failure(name,
                   concat("mpirun started ", found.size(),
                          " jobs of one rank: it belongs to "
                          "another MPI than ",
                          libraryName(found[0]), ", which this program uses"),
                   "put the folder of that MPI's mpirun first on the PATH");
  }
  if (probe.code != 0 || found.empty()) {
    return failure(name,
                   concat("a job of ", workers + 1, " ranks ended with code ", probe.code, ": ",
                          endOf(probe.errors.empty() ? probe.out : probe.errors)),
                   concat("run it by hand: ", probeCommand(workers)));
  }
  const Json& json = found[0];
  std::ostringstream text;
  const bool threads = json.at("threads").get<bool>();
  text << std::setprecision(3) << libraryName(json) << ", "
       << (threads ? "MPI_THREAD_MULTIPLE" : "no MPI_THREAD_MULTIPLE") << ", "
       << hostsText(json.at("hosts"));
  if (json.at("hosts").size() != static_cast<size_t>(workers) + 1) {
    return failure(name, concat(text.str(), " instead of ", workers + 1),
                   concat("run it by hand: ", probeCommand(workers)));
  }
  if (!threads && workers > 1) {
    return warning(name, concat(text.str(), ": gradients will be reduced after backward only"),
                   "an OpenMPI built with --enable-mpi-thread-multiple, or worker.overlap: false");
  }
  if (workers == 1) return good(name, text.str());
  const double rate =
      json.at("large_sum_bytes").get<double>() / json.at("large_sum_seconds").get<double>();
  text << "; workers sum " << rate / 1e9 << " GB/s, one number in "
       << std::lround(1e6 * json.at("small_sum_seconds").get<double>()) << " us";
  if (allreduce_bytes > 0) {
    text << "; a step's " << bytesText(allreduce_bytes) << " of gradients take "
         << static_cast<double>(allreduce_bytes) / rate << " s";
  }
  if (json.at("wrong_sums").get<double>() > 0) {
    return failure(name, text.str() + ", but wrong sums",
                   "export OMPI_MCA_btl_vader_single_copy_mechanism=none");
  }
  if (rate < kSlowBytesPerSecond) {
    return warning(name, text.str(),
                   "a faster network (see `network`), larger batches, or fewer workers than "
                   "processors");
  }
  return good(name, text.str());
}

bool rootIsAllowed() {
  return std::getenv("OMPI_ALLOW_RUN_AS_ROOT") != nullptr &&
         std::getenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM") != nullptr;
}

Finding rootFinding(bool is_root, bool allowed) {
  if (!is_root) return good("user", "not root");
  if (allowed) return good("user", "root, which the environment allows mpirun");
  return good("user",
              "root: sphereface train tells mpirun to run nevertheless; a job script of yours must "
              "export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1");
}

}  // namespace sphereface::doctor
