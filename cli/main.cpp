// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <cstdio>
#include <exception>

#include "base/error.h"
#include "cli/commands.h"
#include "cli/work_sharing.h"

int main(int argc, char** argv) {
  using namespace sphereface;
  WorkSharing sharing({argv + 1, argv + argc});
  CLI::App app("SphereFace training: from photographs to a benchmark score.", "sphereface");
  app.set_version_flag("--version",
                       "sphereface " SPHEREFACE_VERSION " (" SPHEREFACE_GPU_KERNELS ")");
  app.require_subcommand(1);
  app.set_help_all_flag("--help-all", "Help of every verb");
  // verbs, in the order of a run
  addSynthCommand(app);
  addAlignCommand(app);
  addPackCommand(app);
  addInspectCommand(app);
  addPlanCommand(app);
  addDoctorCommand(app);
  addTrainCommand(app);
  addDashboardCommand(app);
  addCompareCommand(app);
  addConvertCommand(app);
  addExtractCommand(app, sharing);
  addFeaturesCommand(app);
  addEvaluateCommand(app, sharing);
  addIdentifyCommand(app);
  try {
    const auto is_asked_for = [&](const CLI::App* verb) { return verb->get_name() == argv[1]; };
    if (argc > 1 && argv[1][0] != '-' && app.get_subcommands(is_asked_for).empty()) {
      throw UsageError(concat("there is no verb \"", argv[1], "\"; see sphereface --help"));
    }
    app.parse(argc, argv);
  } catch (const CLI::RuntimeError& e) {
    return e.get_exit_code();  // a verb's own
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? kExitDone : kExitUsage;
  } catch (const UsageError& e) {
    std::fprintf(stderr, "sphereface: error: %s\n", e.what());
    return kExitUsage;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "sphereface: error: %s\n", e.what());
    return kExitFailed;
  }
  return kExitDone;
}
