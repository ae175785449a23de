// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The benchmarks of `sphereface evaluate`, one file each: evaluate_X.cpp.

#pragma once

#include "base/command_line.h"
#include "cli/work_sharing.h"

namespace sphereface {

void addEvaluateBlufr(const Command& evaluate);
void addEvaluateFisher(const Command& evaluate);
void addEvaluateLfw(const Command& evaluate);
void addEvaluateMegaface(const Command& evaluate, WorkSharing& sharing);
void addEvaluateOpenSet(const Command& evaluate);

}  // namespace sphereface
