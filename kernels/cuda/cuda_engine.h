// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <memory>

#include "kernels/engine.h"

namespace sphereface {

/// errors: Error when there is no GPU, no library for it, or it can't do what the options ask for.
std::unique_ptr<Engine> makeCudaEngine(const EngineOptions& options);

}  // namespace sphereface
