// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The verbs of `sphereface`: X_command.cpp defines addXCommand, which declares the verb's options
// and what is done when it was asked for. A verb throws Error (exit 1) or UsageError (exit 2).

#pragma once

#include "base/command_line.h"

namespace sphereface {

class WorkSharing;

/// All of them, in the order of a run.
void addVerbs(const Command& app, WorkSharing& sharing);

void addAlignCommand(const Command& app);
void addCompareCommand(const Command& app);  // watch_commands.cpp
void addConfigCommand(const Command& app);
void addConvertCommand(const Command& app);
void addDashboardCommand(const Command& app);  // watch_commands.cpp
void addDoctorCommand(const Command& app);
void addEvaluateCommand(const Command& app, WorkSharing& sharing);
void addExtractCommand(const Command& app, WorkSharing& sharing);
void addFeaturesCommand(const Command& app);
void addIdentifyCommand(const Command& app);
void addInspectCommand(const Command& app);
void addPackCommand(const Command& app);
void addPlanCommand(const Command& app);
void addSynthCommand(const Command& app);
void addTrainCommand(const Command& app);

// Benchmarks of `sphereface evaluate` with a file of their own.
void addEvaluateLfw(const Command& evaluate);
void addEvaluateMegaface(const Command& evaluate, WorkSharing& sharing);

}  // namespace sphereface
