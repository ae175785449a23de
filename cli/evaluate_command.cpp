// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "cli/commands.h"
#include "cli/evaluate.h"

namespace sphereface {

void addEvaluateCommand(const Command& app, WorkSharing& sharing) {
  const Command evaluate = app.verb("evaluate", "Score features on a benchmark");
  evaluate.needVerb();
  evaluate.footer("Example: sphereface evaluate lfw --help");
  addEvaluateLfw(evaluate);
  addEvaluateMegaface(evaluate, sharing);
  addEvaluateOpenSet(evaluate);
  addEvaluateBlufr(evaluate);
  addEvaluateFisher(evaluate);
}

}  // namespace sphereface
