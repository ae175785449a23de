// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The verbs of `sphereface`, one file each: X_command.cpp defines addXCommand, which declares the
// verb's flags and what runs when it was asked for. A verb throws Error (exit 1) or UsageError
// (exit 2).

#pragma once

#include <CLI/CLI.hpp>

namespace sphereface {

class WorkSharing;

void addAlignCommand(CLI::App& app);
void addCompareCommand(CLI::App& app);
void addConvertCommand(CLI::App& app);
void addDashboardCommand(CLI::App& app);
void addDoctorCommand(CLI::App& app);
void addEvaluateCommand(CLI::App& app, WorkSharing& sharing);
void addExtractCommand(CLI::App& app, WorkSharing& sharing);
void addFeaturesCommand(CLI::App& app);
void addIdentifyCommand(CLI::App& app);
void addInspectCommand(CLI::App& app);
void addPackCommand(CLI::App& app);
void addPlanCommand(CLI::App& app);
void addSynthCommand(CLI::App& app);
void addTrainCommand(CLI::App& app);

}  // namespace sphereface
