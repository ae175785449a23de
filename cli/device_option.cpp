// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <map>
#include <string>

#include "cli/commands.h"

namespace sphereface {

void addDeviceOption(CLI::App& verb, Device& device) {
  const std::map<std::string, Device> devices = {{"cpu", Device::kCpu}, {"cuda", Device::kCuda}};
  verb.add_option("--device", device, "What embeddings are computed on: cpu or cuda (default cpu)")
      ->transform(CLI::CheckedTransformer(devices));
}

}  // namespace sphereface
