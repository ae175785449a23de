// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "control/mpi_session.h"

#include <array>
#include <chrono>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "base/clock.h"
#include "base/error.h"
#include "base/printable.h"
#include "base/stop_signal.h"
#include "base/this_process.h"

namespace sphereface {
namespace {

// The coordinator draws and writes when the workers have done.
constexpr std::chrono::seconds kEndPatience{300};
constexpr std::chrono::seconds kStoppedPatience{60};

}  // namespace

bool beginMpi(int& argc, char**& argv) {
  // A waiting rank must not take the core of a computing one. (OpenMPI's; others ignore it.)
  ::setenv("OMPI_MCA_mpi_yield_when_idle", "1", 0);
  int provided = 0;
  // Besides the main thread, one that reduces gradients.
  MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &provided);
  return provided >= MPI_THREAD_MULTIPLE;
}

bool waitForAllRanks(std::chrono::seconds within) {
  MPI_Request all_here = MPI_REQUEST_NULL;
  MPI_Ibarrier(MPI_COMM_WORLD, &all_here);
  int done = 0;
  Patience patience(within);
  while (true) {
    MPI_Test(&all_here, &done, MPI_STATUS_IGNORE);
    if (done != 0) return true;
    if (patience.over()) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

MpiSession::MpiSession(int& argc, char**& argv, Role role)
    : host_(hostName()), threads_may_call_mpi_(beginMpi(argc, argv)) {
  MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
  MPI_Comm_size(MPI_COMM_WORLD, &size_);
  name_ = concat("rank ", rank_, "@", host_);

  std::vector<int> roles(static_cast<size_t>(size_));
  const int mine = static_cast<int>(role);
  MPI_Allgather(&mine, 1, MPI_INT, roles.data(), 1, MPI_INT, MPI_COMM_WORLD);
  for (int r = 0; r < size_; ++r) {
    const Role expected = r == 0 ? Role::kCoordinator : Role::kWorker;
    if (roles[static_cast<size_t>(r)] != static_cast<int>(expected) || size_ < 2) {
      throw UsageError(
          "a job is one coordinator, first, and at least one worker: mpirun -np 1 "
          "sphereface-coordinator --config C : -np N sphereface-worker");
    }
  }
  findOtherHost();
  MPI_Comm_dup(MPI_COMM_WORLD, &control_);
  MPI_Comm_split(MPI_COMM_WORLD, role == Role::kWorker ? 1 : MPI_UNDEFINED, rank_, &workers_);
  if (role == Role::kWorker) {
    makeGradientLevels();
  }
}

/// The first or the last rank's, as ranks of a host are next to each other.
void MpiSession::findOtherHost() {
  for (const int rank : {0, size_ - 1}) {
    std::array<char, HOST_NAME_MAX + 1> name{};
    host_.copy(name.data(), name.size() - 1);
    MPI_Bcast(name.data(), static_cast<int>(name.size()), MPI_CHAR, rank, MPI_COMM_WORLD);
    if (host_ != name.data()) other_host_ = name.data();
  }
}

void MpiSession::makeGradientLevels() {
  MPI_Comm on_host = MPI_COMM_NULL;
  MPI_Comm_split_type(workers_, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &on_host);
  int first = 0;
  MPI_Comm_rank(on_host, &place_on_host_);
  MPI_Comm_size(on_host, &workers_on_host_);
  const int worker = rank_ - 1;
  MPI_Allreduce(&worker, &first, 1, MPI_INT, MPI_MIN, on_host);
  // Two levels where hosts have equally many workers, next to each other in world order.
  const int per_host[2] = {workers_on_host_, -workers_on_host_};
  int fewest[2] = {};
  MPI_Allreduce(per_host, fewest, 2, MPI_INT, MPI_MIN, workers_);
  const int fits = fewest[0] == -fewest[1] && first + place_on_host_ == worker ? 1 : 0;
  int all_fit = 0;
  MPI_Allreduce(&fits, &all_fit, 1, MPI_INT, MPI_LAND, workers_);
  if (all_fit != 0 && workers_on_host_ > 1 && workers_on_host_ < workers()) {
    MPI_Comm across = MPI_COMM_NULL;
    MPI_Comm_split(workers_, place_on_host_, rank_, &across);
    gradient_levels_ = {on_host, across};
    return;
  }
  MPI_Comm_free(&on_host);
  MPI_Comm all = MPI_COMM_NULL;
  MPI_Comm_dup(workers_, &all);
  gradient_levels_ = {all};
}

MpiSession::~MpiSession() {
  if (control_ == MPI_COMM_NULL) return;
  const std::chrono::seconds patience = stopRequested() ? kStoppedPatience : kEndPatience;
  if (!waitForAllRanks(patience)) {
    const Error error(concat("waited ", patience.count(),
                             " s in vain for the other ranks to end: one is stopped, or hangs"));
    endJob("sphereface", name_ + ": ", error, kExitFailed);
  }
  for (MPI_Comm& level : gradient_levels_)
    MPI_Comm_free(&level);
  if (workers_ != MPI_COMM_NULL) MPI_Comm_free(&workers_);
  MPI_Comm_free(&control_);
  MPI_Finalize();
}

int endJob(const char* program, const std::string& who, const std::exception& reason, int code) {
  std::fprintf(stderr, "%s: %serror: %s\n", program, who.c_str(), printable(reason.what()).c_str());
  std::fflush(stderr);
  int initialized = 0;
  MPI_Initialized(&initialized);
  // The other ranks wait for this one: end them too.
  if (initialized != 0) MPI_Abort(MPI_COMM_WORLD, code);
  return code;
}

int runInMpi(int argc, char** argv, Role role, const char* program,
             const std::function<int(MpiSession&)>& body) {
  // Not on the stack: when body throws, the session's destructor must not run, as MPI_Finalize
  // would wait for the other ranks.
  MpiSession* session = nullptr;
  const auto who = [&] { return session == nullptr ? std::string() : session->name() + ": "; };
  int code = kExitDone;
  try {
    session = new MpiSession(argc, argv, role);
    code = body(*session);
  } catch (const UsageError& e) {
    return endJob(program, who(), e, kExitUsage);
  } catch (const std::exception& e) {
    return endJob(program, who(), e, kExitFailed);
  }
  delete session;
  return code;
}

}  // namespace sphereface
