// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The benchmarks of `sphereface evaluate`, one file each: evaluate_X.cpp.

#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>

namespace sphereface {

void addEvaluateFisher(CLI::App& evaluate);
void addEvaluateLfw(CLI::App& evaluate);
void addEvaluateMegaface(CLI::App& evaluate);
void addEvaluateOpenSet(CLI::App& evaluate);

/// Before a long run: the folder of the file that `flag` names must be there.
/// errors: UsageError when it isn't.
void needFolder(const char* flag, const std::filesystem::path& file);

}  // namespace sphereface
