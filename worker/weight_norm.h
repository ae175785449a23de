// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include "kernels/engine.h"

namespace sphereface {

/// 2-norm of the network's parameters, without the head's. Reads them all: for now and then.
double weightNorm(Engine& engine);

}  // namespace sphereface
