// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What both MPI executables do around their work: join the job, find out who is who, and end it so
// that the error names the rank.

#pragma once

#include <mpi.h>

#include <chrono>
#include <exception>
#include <functional>
#include <string>
#include <vector>

namespace sphereface {

enum class Role : int { kCoordinator = 0, kWorker = 1 };

/// Begins MPI as all programs here use it. Returns whether the MPI library lets several threads
/// call it at once.
bool beginMpi(int& argc, char**& argv);

/// Asleep, until all ranks have come here; to be called before MPI_Finalize, which needn't wait for
/// anybody. Under srun it lets a rank that is alone on its node end at once: what others still sent
/// to it then broke the connection, and with it went what it had sent last. False when they haven't
/// come `within` so long.
bool waitForAllRanks(std::chrono::seconds within = std::chrono::hours(24 * 365));

/// Ends the job because this rank can't go on: one line "PROGRAM: WHOerror: ..." goes to stderr and
/// all ranks end with that code. Before MPI has begun it only returns the code.
int endJob(const char* program, const std::string& who, const std::exception& reason, int code);

/// One per process; MPI lives as long as it does.
class MpiSession {
 public:
  /// errors: Error when the job isn't one coordinator at rank 0 and at least one worker.
  MpiSession(int& argc, char**& argv, Role role);
  MpiSession(const MpiSession&) = delete;
  MpiSession& operator=(const MpiSession&) = delete;
  ~MpiSession();

  int rank() const { return rank_; }
  int workers() const { return size_ - 1; }
  /// Does what one worker does for all: the networks of all hold the same parameters.
  bool isFirstWorker() const { return rank_ == 1; }
  /// "rank 2@node1"
  const std::string& name() const { return name_; }
  const std::string& host() const { return host_; }
  /// A host of the job that isn't this one; empty where all ranks are on one.
  const std::string& otherHost() const { return other_host_; }
  /// Control messages only.
  MPI_Comm control() const { return control_; }
  /// The workers, in world order: worker i is world rank i + 1. MPI_COMM_NULL on the coordinator.
  MPI_Comm workerComm() const { return workers_; }
  /// For the gradients' reduction alone, the levels of worker/all_reduce.h: of all workers, or,
  /// where several hosts have the same number of them, of this host's and of those across the
  /// hosts.
  const std::vector<MPI_Comm>& gradientLevels() const { return gradient_levels_; }
  /// Whether the MPI library lets several threads call it at once.
  bool threadsMayCallMpi() const { return threads_may_call_mpi_; }
  /// Workers on this host, and this one's place among them.
  int workersOnHost() const { return workers_on_host_; }
  int placeOnHost() const { return place_on_host_; }

 private:
  void findOtherHost();
  void makeGradientLevels();

  int rank_ = 0;
  int size_ = 0;
  int workers_on_host_ = 0;
  int place_on_host_ = 0;
  std::string host_;
  std::string name_;
  std::string other_host_;
  MPI_Comm control_ = MPI_COMM_NULL;
  MPI_Comm workers_ = MPI_COMM_NULL;
  std::vector<MPI_Comm> gradient_levels_;
  bool threads_may_call_mpi_ = false;
};

/// Runs `body` inside a session and returns its exit code. When it throws, one line
/// "PROGRAM: rank R@HOST: error: ..." goes to stderr and the whole job is ended with that code.
int runInMpi(int argc, char** argv, Role role, const char* program,
             const std::function<int(MpiSession&)>& body);

}  // namespace sphereface
