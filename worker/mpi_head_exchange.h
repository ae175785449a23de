// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <vector>

#include "base/aligned_buffer.h"
#include "kernels/head_exchange.h"
#include "worker/all_reduce.h"
#include "worker/peer_messages.h"

namespace sphereface {

/// The exchange of a head whose classes are spread over the ranks of a communicator, by
/// point-to-point messages. Errors of every call: Error naming the ranks waited for in vain.
class MpiHeadExchange final : public HeadExchange {
 public:
  /// `first_image`: by rank, where its images begin among those of all ranks, and their number
  /// last. `dim`: numbers of an embedding. `comm` must carry nothing else meanwhile.
  MpiHeadExchange(MPI_Comm comm, std::vector<int> first_image, int dim, const WaitOptions& waits);

  int images() const override { return first_image_.back(); }
  void gather(std::span<const float> own, std::span<float> all) override;
  void gather(std::span<const int32_t> own, std::span<int32_t> all) override;
  void maximum(std::span<float> values) override { reduce_(values, Combine::kMaximum); }
  void sum(std::span<float> values) override { reduce_(values, Combine::kSum); }
  void scatterSum(std::span<float> all, std::span<float> own) override;

 private:
  template <class T>
  void gatherOf(MPI_Datatype type, std::span<const T> own, std::span<T> all);
  int imagesOf(int rank) const;
  /// Where rank `rank`'s images' numbers begin, `width` of each image.
  size_t offsetOf(int rank, size_t width) const;

  PeerMessages messages_;
  std::vector<int> first_image_;
  AllReduce reduce_;
  AlignedBuffer<float> received_;  // [ranks, images here, dim]; this rank's own is unused
  std::vector<float*> parts_;      // by rank
  uint64_t calls_ = 0;
};

}  // namespace sphereface
