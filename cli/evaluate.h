// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The benchmarks of `sphereface evaluate`, one file each: evaluate_X.cpp.

#pragma once

#include <CLI/CLI.hpp>

#include "cli/work_sharing.h"

namespace sphereface {

void addEvaluateBlufr(CLI::App& evaluate);
void addEvaluateFisher(CLI::App& evaluate);
void addEvaluateLfw(CLI::App& evaluate);
void addEvaluateMegaface(CLI::App& evaluate, WorkSharing& sharing);
void addEvaluateOpenSet(CLI::App& evaluate);

}  // namespace sphereface
