// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "cli/commands.h"

namespace sphereface {

void addVerbs(const Command& app, WorkSharing& sharing) {
  addSynthCommand(app);
  addAlignCommand(app);
  addPackCommand(app);
  addInspectCommand(app);
  addConfigCommand(app);
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
}

}  // namespace sphereface
