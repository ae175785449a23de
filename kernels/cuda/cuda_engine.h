// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <memory>

#include "kernels/engine.h"

namespace sphereface {

/// errors: Error when there is no GPU or it can't do what the options ask for; in a program that
/// was built without GPU kernels, always.
std::unique_ptr<Engine> makeCudaEngine(const EngineOptions& options);

}  // namespace sphereface
