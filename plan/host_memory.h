// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>

namespace sphereface {

/// Bytes of this host's memory that new programs could take without swapping, no more than what the
/// limits of this process's control groups leave.
/// errors: Error when the kernel doesn't say.
size_t availableMemory();

}  // namespace sphereface
