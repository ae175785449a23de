// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include "kernels/engine.h"

namespace sphereface {

/// errors: Error when bfloat16 is asked for on a processor without it.
std::unique_ptr<Engine> makeCpuEngine(const EngineOptions& options);

}  // namespace sphereface
