// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Python, to compare with and to write files with that we didn't write.

#pragma once

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/temporary_folder.h"

namespace sphereface {

/// True when the interpreter that SPHEREFACE_PYTHON names has `module`.
inline bool pythonHas(const std::string& module) {
  const char* python = std::getenv("SPHEREFACE_PYTHON");
  if (python == nullptr) return false;
  return std::system(concat(python, " -c 'import ", module, "' >/dev/null 2>&1").c_str()) == 0;
}

/// Runs `script` with `argument`; what it prints. Errors of the script fail the test.
inline std::string runPython(const TemporaryFolder& folder, const std::string& script,
                             const std::string& argument) {
  const std::filesystem::path file = folder / "script.py";
  writeFileAtomically(file, script);
  const std::string command =
      concat(std::getenv("SPHEREFACE_PYTHON"), " ", file.string(), " ", argument, " 2>&1");
  FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) throw Error("cannot start " + command);
  std::string output;
  char buffer[4096];
  for (size_t got; (got = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) {
    output.append(buffer, got);
  }
  EXPECT_EQ(::pclose(pipe), 0) << output;
  return output;
}

}  // namespace sphereface
