// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// A Slurm cluster on this machine, without systemd: munged, slurmctld and a slurmd for each node,
// on ports nobody else has, with all their files in one temporary folder. The nodes share this
// machine's name, network and files.

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/temporary_folder.h"
#include "tests/support/process.h"

namespace sphereface::testing {

/// Nodes are called node1, node2, ...
class SlurmCluster {
 public:
  /// Why there can be none here; empty when there can.
  static std::string missing();

  /// Ready for jobs, each node with `cpus` of them. Sets SLURM_CONF, so one at a time.
  /// errors: std::runtime_error with what the daemons said.
  SlurmCluster(int nodes, int cpus);
  SlurmCluster(const SlurmCluster&) = delete;
  SlurmCluster& operator=(const SlurmCluster&) = delete;
  /// Cancels the jobs, waits for their end, and ends the daemons.
  ~SlurmCluster();

  /// Whether launcher=auto of the site file comes to srun: by OpenMPI's version.
  static bool srunIsChosen();
  /// A line for the site file: the ranks talk over the loopback. As the nodes have the same
  /// addresses, OpenMPI 4's ranks else wait for each other for ever now and then, and OpenMPI 5's
  /// don't find each other; but OpenMPI 5's mpirun refuses the loopback for itself.
  static std::string siteNetwork() {
    return srunIsChosen() ? "network_interface=lo\n" : "export OMPI_MCA_btl_tcp_if_include=lo\n";
  }

  /// A field of `scontrol show job`, such as JobState; empty when there is no such job.
  static std::string jobField(const std::string& job, const std::string& field);

 private:
  void writeConfiguration(int nodes, int cpus) const;
  void start(const std::vector<std::string>& daemon);
  void waitForNodes(int nodes) const;

  TemporaryFolder folder_;
  std::vector<std::unique_ptr<Process>> daemons_;
};

}  // namespace sphereface::testing
