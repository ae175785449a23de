// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "base/error.h"
#include "cli/commands.h"
#include "cli/evaluate.h"

namespace sphereface {

void needFolder(const char* flag, const std::filesystem::path& file) {
  const std::filesystem::path folder = file.parent_path();
  if (!folder.empty() && !std::filesystem::is_directory(folder)) {
    throw UsageError(concat(flag, ": no such folder: ", folder.string()));
  }
}

void addEvaluateCommand(CLI::App& app) {
  CLI::App* evaluate = app.add_subcommand("evaluate", "Score features on a benchmark");
  evaluate->require_subcommand(1);
  evaluate->footer("Example: sphereface evaluate lfw --help");
  addEvaluateLfw(*evaluate);
  addEvaluateMegaface(*evaluate);
  addEvaluateFisher(*evaluate);
}

}  // namespace sphereface
