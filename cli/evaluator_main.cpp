// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// sphereface-evaluator: one of the ranks that share the work of a verb of `sphereface`, with that
// verb's arguments.

#include <chrono>
#include <cstdio>
#include <exception>
#include <string>
#include <thread>

#include "base/error.h"
#include "base/progress.h"
#include "base/this_process.h"
#include "cli/commands.h"
#include "cli/work_sharing.h"
#include "control/mpi_session.h"
#include "evaluation/mpi_rank_group.h"

namespace sphereface {
namespace {

constexpr const char* kProgram = "sphereface-evaluator";

/// Most errors, of wrong arguments or missing files, all ranks meet: rank 0 has the time to say
/// them once and to end the job.
int fail(const RankGroup& ranks, const std::exception& reason, int code) {
  if (!ranks.isFirst()) std::this_thread::sleep_for(std::chrono::milliseconds(500));
  return endJob(kProgram, concat("rank ", ranks.rank(), "@", hostName(), ": "), reason, code);
}

int run(int argc, char** argv, RankGroup& ranks) {
  if (!ranks.isFirst()) {
    Progress::silence();
    if (std::freopen("/dev/null", "w", stdout) == nullptr) throw Error("cannot open /dev/null");
  }
  WorkSharing sharing(ranks);
  const Program app(
      kProgram, "A rank that shares a verb's work; `sphereface VERB ... --workers N` starts it.",
      "sphereface " SPHEREFACE_VERSION);
  app.needVerb();
  addExtractCommand(app, sharing);
  const Command evaluate = app.verb("evaluate", "Score features on a benchmark");
  evaluate.needVerb();
  addEvaluateMegaface(evaluate, sharing);
  app.footer(
      "Example: mpirun -np 4 sphereface-evaluator extract --checkpoint C --input faces.lmdb "
      "--output faces.sff");
  try {
    return app.parse(argc, argv, !ranks.isFirst()).value_or(kExitDone);
  } catch (const UsageError& e) {
    return fail(ranks, e, kExitUsage);
  } catch (const std::exception& e) {
    return fail(ranks, e, kExitFailed);
  }
}

}  // namespace
}  // namespace sphereface

int main(int argc, char** argv) {
  sphereface::beginMpi(argc, argv);
  sphereface::MpiRankGroup ranks(MPI_COMM_WORLD);
  const int code = sphereface::run(argc, argv, ranks);
  sphereface::waitForAllRanks();
  MPI_Finalize();
  return code;
}
