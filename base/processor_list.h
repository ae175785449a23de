// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <string>

namespace sphereface {

/// The logical processors this process may run on, "0-3,8"; empty where the kernel doesn't say.
std::string processorList();

}  // namespace sphereface
