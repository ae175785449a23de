// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// sphereface-coordinator: world rank 0 of a training job.

#include "coordinator/coordinator.h"

#include <CLI/CLI.hpp>

#include "base/error.h"
#include "base/stop_signal.h"
#include "control/mpi_session.h"

int main(int argc, char** argv) {
  using namespace sphereface;
  CLI::App app("World rank 0 of a training job; started by mpirun beside sphereface-worker.",
               "sphereface-coordinator");
  CoordinatorOptions options;
  app.set_version_flag("--version", "sphereface " SPHEREFACE_VERSION);
  app.add_option("--config", options.config, "Training configuration (textproto)")->required();
  app.add_option("--set", options.overrides, "FIELD.FIELD=VALUE, over the configuration's")
      ->allow_extra_args(false);
  app.add_option("--run", options.run, "Run folder (default runs/NAME)");
  app.add_option("--resume", options.resume, "auto, never, or a checkpoint folder")
      ->capture_default_str();
  app.add_flag("--progress-bar", options.progress_bar,
               "Draw one below the lines: stdout ends in a terminal");
  app.footer("Example: mpirun -np 1 sphereface-coordinator --config C : -np 2 sphereface-worker");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? kExitDone : kExitUsage;
  }
  catchStopSignals();
  return runInMpi(argc, argv, Role::kCoordinator, "sphereface-coordinator",
                  [&](MpiSession& session) {
                    MpiChannel channel(session.control());
                    return coordinate(channel, session.workers(), session.name(), options);
                  });
}
