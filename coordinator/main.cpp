// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// sphereface-coordinator: world rank 0 of a training job.

#include "coordinator/coordinator.h"

#include <optional>

#include "base/command_line.h"
#include "base/error.h"
#include "base/stop_signal.h"
#include "control/mpi_session.h"

int main(int argc, char** argv) {
  using namespace sphereface;
  const Program app("sphereface-coordinator",
                    "World rank 0 of a training job; started by mpirun beside sphereface-worker.",
                    "sphereface " SPHEREFACE_VERSION);
  CoordinatorOptions options;
  app.required("--config", &options.config, "Training configuration (textproto)");
  app.option("--set", &options.overrides, "FIELD.FIELD=VALUE, over the configuration's").repeated();
  app.option("--run", &options.run, "Run folder (default runs/NAME)");
  app.setting("--resume", &options.resume, "auto, never, or a checkpoint folder");
  app.flag("--progress-bar", &options.progress_bar,
           "Draw one below the lines: stdout ends in a terminal");
  app.footer("Example: mpirun -np 1 sphereface-coordinator --config C : -np 2 sphereface-worker");
  if (const std::optional<int> code = app.parse(argc, argv)) return *code;
  catchStopSignals();
  return runInMpi(argc, argv, Role::kCoordinator, "sphereface-coordinator",
                  [&](MpiSession& session) {
                    MpiChannel channel(session.control());
                    return coordinate(channel, session.workers(), session.name(), options);
                  });
}
