// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Initial weights, as Caffe's fillers make them, the same for the same seed on every machine.

#pragma once

#include <cstdint>
#include <span>

#include "kernels/engine.h"
#include "kernels/network.h"

namespace sphereface {

/// Fills the arena: constant, xavier (uniform within sqrt(3 / fan-in), fan-in = inputs of one
/// output), or gaussian. Every tensor has a stream of its own, keyed by the seed and its name.
void initializeTrunk(const Network& network, uint64_t seed, std::span<float> parameters);

/// Rows [first_class, first_class + classes) of the classifier [all classes, embedding]: xavier.
/// The same numbers whichever rows are asked for together.
void initializeHead(int first_class, int classes, int embedding, uint64_t seed,
                    std::span<float> parameters);

/// Both of an engine whose classes are those from `first_class` on.
void initializeWeights(const Network& network, int first_class, uint64_t seed, Engine& engine);

}  // namespace sphereface
