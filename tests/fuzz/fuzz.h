// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What a fuzzing target defines. libFuzzer calls fuzzOne() with mutations of the seeds; a crash, a
// hang, a sanitizer's finding or too much memory is a bug, an Error is not. scripts/fuzz.sh builds
// and runs all of them.

#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace sphereface::fuzz {

/// Small valid inputs to begin with.
std::vector<std::string> seeds();

/// Reads `bytes` as the target's format, all of it.
void fuzzOne(std::string_view bytes);

/// A folder of this process's own, in memory where there is /dev/shm.
const std::filesystem::path& folder();

/// Puts the bytes in a file of this name in folder(), and returns its path.
std::filesystem::path fileOf(std::string_view bytes, const std::string& name);

/// A PNG file of a few pixels.
std::string smallPicture(int number, int height = 4, int width = 5);

}  // namespace sphereface::fuzz
