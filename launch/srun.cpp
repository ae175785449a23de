// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "launch/launch.h"

#include <cstddef>
#include <cstdlib>
#include <string>

#include "base/atomic_file.h"
#include "base/error.h"

namespace sphereface {
namespace {

/// As `srun --multi-prog` reads it: in single quotes nothing stands for anything else.
std::string quoted(const std::string& word) {
  if (word.find('\n') != std::string::npos) {
    throw UsageError(concat("--launcher srun: a line break in '", word, "'"));
  }
  std::string text = "'";
  for (const char c : word)
    text += c == '\'' ? std::string(R"('\'')") : std::string(1, c);
  return text + "'";
}

}  // namespace

SrunStart::SrunStart(const std::vector<JobPart>& parts, const std::optional<Route>& network) {
  if (std::getenv("SLURM_JOB_ID") == nullptr) {
    throw UsageError("--launcher srun: this is no Slurm allocation: use sbatch or salloc");
  }
  std::string programs;
  std::string hosts;
  int ranks = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    const JobPart& part = parts[i];
    programs += std::to_string(ranks);
    if (part.place.slots > 1) programs += concat("-", ranks + part.place.slots - 1);
    for (const std::string& word : programLine(parts, i))
      programs += concat(' ', quoted(word));
    programs += "\n";
    for (int rank = 0; rank < part.place.slots; ++rank)
      hosts += part.place.name + "\n";
    ranks += part.place.slots;
  }
  const std::filesystem::path programs_file = folder_ / "programs";
  writeFileAtomically(programs_file, programs);
  // The batch job's shape is not the step's, which has the coordinator besides and gets the whole
  // of each node's share.
  line_ = {"env"};
  for (const std::string shape : {"SLURM_CPUS_PER_TASK", "SRUN_CPUS_PER_TASK",
                                  "SLURM_NTASKS_PER_NODE", "SLURM_TRES_PER_TASK"})
    line_.push_back("--unset=" + shape);
  if (network) line_.push_back("OMPI_MCA_btl_tcp_if_include=" + network->network);
  const bool placed = !parts.front().place.name.empty();
  if (placed) {
    const std::filesystem::path hosts_file = folder_ / "hosts";
    writeFileAtomically(hosts_file, hosts);
    line_.push_back("SLURM_HOSTFILE=" + hosts_file.string());
  }
  line_.insert(line_.end(), {"srun", "--mpi=pmix", "--kill-on-bad-exit=1", "--overcommit",
                             "--cpu-bind=none", "--input=none"});
  if (placed) line_.emplace_back("--distribution=arbitrary");
  line_.insert(line_.end(), {concat("--ntasks=", ranks), "--multi-prog", programs_file.string()});
}

}  // namespace sphereface
