// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What several verbs of `sphereface` have in common.

#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>

#include "kernels/engine.h"

namespace sphereface {

/// --device of a verb that computes embeddings or scores.
void addDeviceOption(CLI::App& verb, Device& device);

/// Before a long run: the folder of the file that `flag` names must be there.
/// errors: UsageError when it isn't.
void needFolder(const char* flag, const std::filesystem::path& file);

}  // namespace sphereface
