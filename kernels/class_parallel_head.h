// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The head of a rank that has a range of the classes and sees the images of all ranks: gathers
// embeddings and labels, and makes the softmax over all classes from what the ranks' ranges give.
//
//   x of all ranks' images      gathered
//   headForward                 own classes: largest logit t, sum of exp(logit - t), label's logit
//   T = max t                   over the ranks; the sums are rescaled by exp(t - T) and added, the
//                               label's logit comes from the rank that has its class
//   headBackward                dW of own classes, complete; dx from own classes, to be added
//   dx                          added over the ranks, each rank getting its own images'
//   rows of W of the labels     gathered, with MHE: each rank has the halves of its rows' pairs

#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/aligned_buffer.h"
#include "kernels/cpu/class_sample.h"
#include "kernels/cpu/cpu_head.h"
#include "kernels/engine.h"

namespace sphereface {

class ClassParallelHead {
 public:
  /// requires: options.exchange.
  explicit ClassParallelHead(const EngineOptions& options);

  /// Bytes of its buffers, which are beside the head's arena.
  size_t bytes() const;
  /// What bytes() would be for `images` images of all ranks and `classes` classes here.
  static size_t bytesFor(const HeadOptions& head, int images, int dim, int classes);

  struct Result {
    HeadStats stats;  // of the labels whose classes are here, on any rank's images
    double exchange_seconds = 0;
  };

  /// One pass. Gradients of W go to head.gradients, complete, or, when only a sample of the classes
  /// is trained, stay here; d_embeddings are those of this rank's images.
  Result run(std::span<const float> embeddings, std::span<const int32_t> labels,
             const HeadStep& step, float loss_scale, bool accumulate, const Arena& head,
             std::span<float> d_embeddings);

  /// The sample that the last run() trained; null when all classes are trained.
  ClassSample* sample() { return sample_ ? &*sample_ : nullptr; }

 private:
  void exchangeSoftmax();
  std::span<const EnergyRow> gatherRows(const HeadPass& pass, std::span<float> own);

  HeadOptions options_;
  HeadExchange& exchange_;
  int images_;
  int first_class_;
  int classes_;
  int dim_;
  std::optional<ClassSample> sample_;
  HeadWorkspace workspace_;
  AlignedBuffer<float> embeddings_;    // [images, dim], of all ranks
  AlignedBuffer<int32_t> labels_;      // [images]
  AlignedBuffer<float> d_embeddings_;  // [images, dim]
  AlignedBuffer<float> tops_;          // [images]
  AlignedBuffer<float> sums_;          // [2, images]: rescaled sums, labels' logits
  // With MHE:
  AlignedBuffer<int32_t> by_label_;       // [images]: images, in the order of their labels
  AlignedBuffer<EnergyRow> energy_rows_;  // of the labels, each once
  AlignedBuffer<double> energies_;        // by energy row
};

}  // namespace sphereface
