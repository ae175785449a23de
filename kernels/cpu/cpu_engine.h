// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include "kernels/engine.h"

namespace sphereface {

/// bfloat16 on a processor without it becomes fp32, with a note.
std::unique_ptr<Engine> makeCpuEngine(const EngineOptions& options);

/// As predictMemory.
EngineMemory cpuMemory(const EngineOptions& options, int images);

}  // namespace sphereface
