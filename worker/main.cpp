// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// sphereface-worker: one training rank. It takes its configuration from the coordinator, so that no
// two ranks can disagree.

#include <optional>
#include <string>

#include "base/command_line.h"
#include "base/error.h"
#include "base/stop_signal.h"
#include "control/mpi_session.h"
#include "worker/mpi_probe.h"
#include "worker/trainer.h"

int main(int argc, char** argv) {
  using namespace sphereface;
  const Program app("sphereface-worker",
                    "A training rank; started by mpirun beside sphereface-coordinator.",
                    "sphereface " SPHEREFACE_VERSION);
  std::string config;
  app.option("--config", &config,
             "Accepted so that both programs can be started alike; the coordinator's counts");
  bool probe = false;
  app.flag("--probe", &probe,
           "Don't train: try MPI, say what was found, and end (sphereface doctor runs this)");
  app.footer("Example: mpirun -np 1 sphereface-coordinator --config C : -np 2 sphereface-worker");
  if (const std::optional<int> code = app.parse(argc, argv)) return *code;
  catchStopSignals();
  if (probe) return probeMpi(argc, argv);
  return runInMpi(argc, argv, Role::kWorker, "sphereface-worker", [](MpiSession& session) {
    train(session);
    return static_cast<int>(kExitDone);
  });
}
