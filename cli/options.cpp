// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "cli/options.h"

#include "base/error.h"

namespace sphereface {

void addDeviceOption(const Command& verb, Device& device) {
  verb.choice(
      "--device",
      {{"cpu", static_cast<int>(Device::kCpu)}, {"cuda", static_cast<int>(Device::kCuda)}},
      [&device](int chosen) { device = static_cast<Device>(chosen); },
      "What computes: cpu or cuda (default cpu)");
}

void addOverridesOption(const Command& verb, std::vector<std::string>& overrides) {
  verb.option("--set", &overrides, "FIELD.FIELD=VALUE, over the configuration's; may be repeated")
      .repeated();
}

void needFolder(const char* flag, const std::filesystem::path& file) {
  const std::filesystem::path folder = file.parent_path();
  if (!folder.empty() && !std::filesystem::is_directory(folder)) {
    throw UsageError(concat(flag, ": no such folder: ", folder.string()));
  }
}

}  // namespace sphereface
