// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include "kernels/engine.h"

namespace sphereface {

/// The memory of an arena, in Buffers of floats of a device.
template <class Buffer>
class ArenaStore {
 public:
  ArenaStore(size_t count, bool has_gradients, bool has_momentum)
      : parameters_(count),
        gradients_(has_gradients ? count : 0),
        momentum_(has_momentum ? count : 0),
        arena_{parameters_.span(), gradients_.span(), momentum_.span()} {}

  const Arena& arena() const { return arena_; }
  size_t bytes() const {
    return arena_.parameters.size_bytes() + arena_.gradients.size_bytes() +
           arena_.momentum.size_bytes();
  }

 private:
  Buffer parameters_;
  Buffer gradients_;
  Buffer momentum_;
  Arena arena_;
};

}  // namespace sphereface
