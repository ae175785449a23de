// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "cli/options.h"

#include <map>
#include <string>

#include "base/error.h"

namespace sphereface {

void addDeviceOption(CLI::App& verb, Device& device) {
  const std::map<std::string, Device> devices = {{"cpu", Device::kCpu}, {"cuda", Device::kCuda}};
  verb.add_option("--device", device, "What computes: cpu or cuda (default cpu)")
      ->transform(CLI::CheckedTransformer(devices));
}

void needFolder(const char* flag, const std::filesystem::path& file) {
  const std::filesystem::path folder = file.parent_path();
  if (!folder.empty() && !std::filesystem::is_directory(folder)) {
    throw UsageError(concat(flag, ": no such folder: ", folder.string()));
  }
}

}  // namespace sphereface
