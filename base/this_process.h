// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What the system knows of this process: its host, processors and memory.

#pragma once

#include <cstddef>
#include <string>

namespace sphereface {

/// This host's name, as messages have it.
std::string hostName();

/// The logical processors this process may run on, "0-3,8"; empty where the kernel doesn't say.
std::string processorList();

/// Opens stdin, stdout and stderr on /dev/null where whoever started this process closed them: else
/// the next files take their numbers, and get what is printed.
void openStandardStreams();

/// Lets this process and those it starts open as many files as the system allows. Returns how many.
size_t raiseOpenFileLimit();

/// Bytes of memory this process occupies now and at most did, program and libraries included.
struct ProcessMemory {
  size_t resident = 0;
  size_t peak = 0;
};

/// errors: Error when the kernel doesn't say.
ProcessMemory processMemory();

/// Bytes, by a line "FIELD:   123 kB" of one of the kernel's files. errors: Error without one.
size_t kernelBytes(const char* file, const std::string& field);

}  // namespace sphereface
