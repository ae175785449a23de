// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What several verbs of `sphereface` have in common.

#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/command_line.h"
#include "kernels/engine.h"

namespace sphereface {

/// What a seed may be: any number of 64 bits.
inline constexpr const char* kAnySeed = "[0, 18446744073709551615]";

/// --device of a verb that computes embeddings or scores.
void addDeviceOption(const Command& verb, Device& device);

/// --set of a verb that reads a training configuration.
void addOverridesOption(const Command& verb, std::vector<std::string>& overrides);

/// Before a long run: the folder of the file that `flag` names must be there.
/// errors: UsageError when it isn't.
void needFolder(const char* flag, const std::filesystem::path& file);

}  // namespace sphereface
