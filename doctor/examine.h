// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "doctor/finding.h"
#include "doctor/record_scan.h"

namespace sphereface::doctor {

/// What is to be examined. Beside the machine, all of it is optional.
struct Request {
  std::filesystem::path config;
  int workers = 1;
  std::vector<std::string> overrides;  // of the configuration
  std::filesystem::path lmdb;          // instead of the configuration's
  std::filesystem::path checkpoint;
  ScanLimits limits;
};

/// Called with every finding as it is made, the title of its group once before the group's first.
struct Listener {
  std::function<void(const std::string&)> group;
  std::function<void(const Finding&)> finding;
};

/// Makes every check; one that throws has failed with that message.
/// errors: UsageError when the configuration itself is wrong.
std::vector<Finding> examine(const Request& request, const Listener& listener);

}  // namespace sphereface::doctor
