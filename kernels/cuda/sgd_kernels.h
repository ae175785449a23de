// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Caffe's SGD (kernels/engine.h, Engine::update) over a whole arena in one pass: parameters,
// gradients and momenta read, parameters and momenta written, 20 bytes a parameter. The sums of
// squares are taken by chunk and added in order, the same in every run.

#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/engine.h"

namespace sphereface {

/// A run of one tensor's parameters, the work of one block.
struct UpdateChunk {
  size_t begin = 0;  // floats from the start of the arena
  uint32_t count = 0;
  float rate_mult = 1;
  float decay_mult = 1;
};

/// Chunks of [offset, offset + count) of an arena, added to `chunks`.
void addUpdateChunks(size_t offset, size_t count, float rate_mult, float decay_mult,
                     std::vector<UpdateChunk>& chunks);

/// squares [chunks]: of each chunk's gradients.
void sumSquares(const UpdateChunk* chunks, size_t count, const float* gradients, double* squares,
                cudaStream_t stream);

/// sum = the chunks' squares.
void addSquares(const double* squares, size_t count, float* sum, cudaStream_t stream);

/// An update's numbers, on the GPU, where work that is recorded finds those of its step.
struct SgdRule {
  float learning_rate = 0;
  float momentum = 0;
  float weight_decay = 0;
  double clip_gradients = -1;
};
SgdRule sgdRule(const Update& update);

/// Over all chunks' squares, and `more` unless it is null: their sum, and how much a gradient of
/// that length is to be scaled to be no longer than the rule's clip_gradients (without a rule: 1).
struct GradientLength {
  double squares = 0;
  float scale = 1;
};
void finishSquares(const double* squares, size_t count, const float* more, const SgdRule* rule,
                   GradientLength* length, cudaStream_t stream);

/// The update, scaling gradients by length->scale; also writes the chunks' squares, unscaled.
void sgdUpdate(const UpdateChunk* chunks, size_t count, const SgdRule* rule,
               const GradientLength* length, const Arena& arena, double* squares,
               cudaStream_t stream);

}  // namespace sphereface
