// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "cli/commands.h"
#include "cli/evaluate.h"

namespace sphereface {

void addEvaluateCommand(CLI::App& app, WorkSharing& sharing) {
  CLI::App* evaluate = app.add_subcommand("evaluate", "Score features on a benchmark");
  evaluate->require_subcommand(1);
  evaluate->footer("Example: sphereface evaluate lfw --help");
  addEvaluateLfw(*evaluate);
  addEvaluateMegaface(*evaluate, sharing);
  addEvaluateOpenSet(*evaluate);
  addEvaluateBlufr(*evaluate);
  addEvaluateFisher(*evaluate);
}

}  // namespace sphereface
