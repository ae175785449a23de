// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The classification head (kernels/head.h) on the CPU, in two passes over blocks of classes that
// stay in the cache:
//
//   forward   W's rows normalised, a block of logits z = W x, its maximum and sum of exponentials
//   backward  the block again (kept, or multiplied again), g in cache, its rows of dW, its part of
//   dx
//
// so that W is read twice and written once, dW written once, and logits, when kept, written and
// read once. Blocks and the order of all sums depend on the sizes alone: the result has the same
// bits whatever the number of threads.
//
// The passes are apart for a head whose classes are spread over ranks: each rank has a range of W
// and all images, and between the passes `top` is reduced by maximum, `sum`, rescaled by
// exp(own top - reduced top), and `target` by sum; dx is then each rank's share of a sum, and so
// are the stats.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "base/aligned_buffer.h"
#include "kernels/cpu/cpu_energy.h"
#include "kernels/engine.h"
#include "kernels/head_formulas.h"

namespace sphereface {

struct HeadPass {
  int batch = 0;
  int dim = 0;
  int classes = 0;      // rows of W here
  int first_class = 0;  // the class of W's row 0; labels outside the range are others'
  HeadStep step;
  // d(total loss)/d(loss of one image): 1 / (global batch * iter_size) for the mean.
  float loss_scale = 1;
  const float* x = nullptr;  // [B,D]
  float* W = nullptr;        // [C,D]
  const int32_t* labels = nullptr;
  float* dx = nullptr;      // [B,D], overwritten
  float* dW = nullptr;      // [C,D]
  bool accumulate = false;  // add to dW instead of overwriting it
};

/// All memory the head needs besides its arguments, planned once.
struct HeadWorkspace {
  HeadWorkspace() = default;
  HeadWorkspace(const HeadOptions& options, int batch, int dim, int classes);
  size_t bytes() const { return bytes_; }
  /// What bytes() of such a workspace would be, without making it.
  static size_t bytesFor(const HeadOptions& options, int batch, int dim, int classes);

  // Between the passes, by image: the largest logit of the range's classes but the label (-infinity
  // when there is none), sum of exp(logit - top) over the same, and the label's logit with margin
  // (0 where the label is another range's).
  AlignedBuffer<float> top;
  AlignedBuffer<double> sum;
  AlignedBuffer<float> target;

  // The plan. Logits lie by class, [classes, lanes], images side by side; a stripe is a run of
  // blocks, summed up by one thread.
  int lanes = 0;  // images, rounded up to whole vectors
  int block = 0;  // classes
  int blocks = 0;
  int stripes = 0;
  bool streaming = false;

  AlignedBuffer<float> features;           // [B,D], x of unit length, where the type normalises it
  AlignedBuffer<float> transposed;         // the same, or x, by panels of 64 images [D,64]
  AlignedBuffer<float> norms;              // |x_i|
  AlignedBuffer<float> target_product;     // x_i . w_y
  AlignedBuffer<float> target_cosine;      // by image
  AlignedBuffer<float> shift;              // by image: the softmax's largest logit
  AlignedBuffer<float> factor;             // by image: loss_scale / softmax's sum * d logit / d z
  AlignedBuffer<float> target_gradient_w;  // by image: what w_y's gradient takes of x_i
  AlignedBuffer<float> target_gradient_x;  // by image: what x_i's gradient takes of w_y
  AlignedBuffer<float> embedding_factor;   // by image: what x_i's gradient takes of x_i
  AlignedBuffer<float> stripe_top;         // [stripes, lanes]
  AlignedBuffer<double> stripe_sum;        // [stripes, lanes]
  AlignedBuffer<float> stripe_dx;          // [stripes, B, D]
  AlignedBuffer<float> scratch;            // [stripes, scratchFloats()]
  AlignedBuffer<float> logits;             // z of all classes, unless streaming
  CpuEnergy energy;                        // with MHE
  HeadRule rule;                           // of the pass

  size_t scratchFloats() const;

 private:
  /// Plans and, with `allocate`, makes all buffers; returns their bytes.
  size_t layOut(const HeadOptions& options, int batch, int dim, int classes, bool allocate);

  size_t bytes_ = 0;
};

/// requires: the workspace was made for these options and sizes.
void headForward(const HeadOptions& options, const HeadPass& pass, HeadWorkspace& workspace);
/// requires: headForward with the same arguments before each call; W, x unchanged since.
/// Stats count what the range's labels say. Without the MHE term.
HeadStats headBackward(const HeadOptions& options, const HeadPass& pass, HeadWorkspace& workspace);

/// Makes top, sum and target, of the range's classes, those of all classes.
using CombineSoftmax = std::function<void(HeadWorkspace&)>;
/// Both, with `combine` in between, and the MHE term, for which every label has to be in the range.
HeadStats headForwardBackward(const HeadOptions& options, const HeadPass& pass,
                              HeadWorkspace& workspace, const CombineSoftmax& combine = {});

/// The head of an engine.
class CpuHead {
 public:
  /// Of the options, head, batch, classes and first_class count. arena: of W.
  CpuHead(const EngineOptions& options, const Arena& arena);

  /// Of the runs that follow.
  void setRule(const HeadStep& step, float loss_scale);
  /// As the last run had it.
  const HeadRule* rule() const { return &workspace_.rule; }

  /// x [batch, embedding], labels [batch], those of classes elsewhere being no class here; dx
  /// [batch, embedding] is overwritten, gradients of W are overwritten or, with `accumulate`, added
  /// to. stats: sums over the images. combine: of a head whose classes are spread.
  void run(const float* x, const int32_t* labels, bool accumulate, float* dx, HeadStats* stats,
           const CombineSoftmax& combine = {});

  size_t bytes() const { return workspace_.bytes(); }

 private:
  HeadOptions options_;
  HeadPass pass_;
  HeadWorkspace workspace_;
};

}  // namespace sphereface
