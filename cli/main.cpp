// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <cstdio>
#include <exception>

#include "base/error.h"
#include "base/printable.h"
#include "base/stop_signal.h"
#include "base/this_process.h"
#include "cli/commands.h"
#include "cli/work_sharing.h"

int main(int argc, char** argv) {
  using namespace sphereface;
  openStandardStreams();
  WorkSharing sharing({argv + 1, argv + argc});
  const Program app("sphereface", "SphereFace training: from photographs to a benchmark score.",
                    "sphereface " SPHEREFACE_VERSION " (" SPHEREFACE_GPU_KERNELS ")");
  app.needVerb();
  app.helpOfAllVerbs();
  addVerbs(app, sharing);
  answerInterrupts();
  try {
    if (argc > 1 && argv[1][0] != '-' && !app.hasVerb(argv[1])) {
      throw UsageError(concat("there is no verb \"", argv[1], "\"; see sphereface --help"));
    }
    return app.parse(argc, argv).value_or(kExitDone);
  } catch (const UsageError& e) {
    std::fprintf(stderr, "sphereface: error: %s\n", printable(e.what()).c_str());
    return kExitUsage;
  } catch (const Interrupted& e) {
    std::fprintf(stderr, "sphereface: %s\n", printable(e.what()).c_str());
    return e.exitCode();
  } catch (const std::exception& e) {
    std::fprintf(stderr, "sphereface: error: %s\n", printable(e.what()).c_str());
    return kExitFailed;
  }
}
