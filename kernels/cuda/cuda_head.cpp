// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/cuda/cuda_head.h"

#include <algorithm>
#include <type_traits>

#include "base/positive.h"
#include "kernels/cuda/buffer_sizes.h"

namespace sphereface {

template <class T>
CudaHead<T>::CudaHead(const GpuContext& context, const EngineOptions& options, const Arena& arena)
    : context_(context),
      options_(options.head),
      images_(options.batch),
      dim_(options.network.embedding),
      first_class_(options.first_class),
      classes_(options.classes),
      plain_(headBlocks(options).plain),
      block_(headBlocks(options).classes),
      blocks_((classes_ + block_ - 1) / block_),
      rows_(blocks_ == 1 && !options.head_group.exists() ? divideRow<T>(classes_) : RowDivision()),
      arena_(arena),
      host_rule_(1),
      rule_(1),
      features_(positive(images_) * positive(paddedToPacks(dim_))),
      packed_(plain_ ? 0 : positive(block_) * positive(paddedToPacks(dim_))),
      z_(positive(images_) * positive(paddedToPacks(block_))),
      norm_(positive(images_)),
      target_(positive(images_)),
      others_(positive(images_)),
      softmax_(positive(images_)),
      gradient_(positive(images_)),
      image_stats_(positive(images_)) {
  if (options_.mhe_weight > 0) {
    energy_ = std::make_unique<CudaEnergy>(context, images_, dim_, options_.mhe_weight);
  }
  if (rows_.blocks == 0) {
    int parts = 0;
    for (int block = 0; block < blocks_; ++block)
      parts += statisticsParts(blockRange(block).count);
    parts_ = DeviceBuffer<RowPart>(positive(parts) * positive(images_));
  }
  of_.norm = norm_.data();
  of_.target = target_.data();
  of_.others = others_.data();
  of_.softmax = softmax_.data();
  of_.gradient = gradient_.data();
  of_.stats = image_stats_.data();

  const size_t pitch = positive(paddedToPacks(dim_));
  for (const int size : {block_, blockRange(blocks_ - 1).count}) {
    MatrixProductShape forward;
    forward.rows = images_;
    forward.columns = size;
    forward.depth = dim_;
    forward.transpose_b = true;
    forward.pitch_a = forward.pitch_b = pitch;
    forward.pitch_c = logits(0).pitch;
    forward.precision = options.precision;
    forward.fp32_result = false;

    MatrixProductShape d_classes;
    d_classes.rows = size;
    d_classes.columns = dim_;
    d_classes.depth = images_;
    d_classes.transpose_a = true;
    d_classes.pitch_a = logits(0).pitch;
    d_classes.pitch_b = pitch;
    d_classes.pitch_c = positive(dim_);
    d_classes.precision = options.precision;

    MatrixProductShape d_embeddings = d_classes;
    d_embeddings.rows = images_;
    d_embeddings.depth = size;
    d_embeddings.transpose_a = false;
    products_.push_back({GpuMatrixProduct(context, forward), GpuMatrixProduct(context, d_classes),
                         GpuMatrixProduct(context, d_embeddings)});
  }
}

template <class T>
ClassRange CudaHead<T>::blockRange(int block) const {
  const int begin = block * block_;
  return {first_class_ + begin, std::min(block_, classes_ - begin)};
}

template <class T>
size_t CudaHead<T>::blockOffset(int block) const {
  return positive(block) * positive(block_) * positive(dim_);
}

template <class T>
const typename CudaHead<T>::Products& CudaHead<T>::productsOf(int block) const {
  return products_[block + 1 < blocks_ ? 0 : 1];
}

template <class T>
LogitBlock<T> CudaHead<T>::logits(int block) const {
  return {z_.data(), images_, positive(paddedToPacks(block_)), blockRange(block)};
}

template <class T>
const T* CudaHead<T>::classes(int block) const {
  if constexpr (std::is_same_v<T, float>) {
    if (plain_) {
      return arena_.parameters.data() + blockOffset(block);
    }
  }
  return packed_.data();
}

template <class T>
void CudaHead<T>::normalizeBlock(int block, bool also_pack) {
  const ClassRange range = blockRange(block);
  const bool normalize = normalizesWeights(options_.type);
  T* const packed = also_pack && packed_.size() > 0 ? packed_.data() : nullptr;
  if (!normalize && packed == nullptr) return;
  normalizeClasses<T>(range.count, dim_, normalize, arena_.parameters.data() + blockOffset(block),
                      packed, context_.stream());
}

template <class T>
void CudaHead<T>::multiplyBlock(int block) {
  normalizeBlock(block, true);
  productsOf(block).logits.run(features_.data(), classes(block), z_.data());
}

/// From all blocks' logits to what is known of the images; leaves the last block's logits.
template <class T>
void CudaHead<T>::statistics() {
  const bool fractional = options_.type == HeadOptions::Type::kSphereFaceR2;
  int parts = 0;
  for (int block = 0; block < blocks_; ++block) {
    multiplyBlock(block);
    rowStatistics(rule_.data(), fractional, logits(block), of_.labels,
                  parts_.data() + positive(parts) * positive(images_), context_.stream());
    parts += statisticsParts(blockRange(block).count);
  }
  mergeStatistics(parts_.data(), parts, images_, of_, context_.stream());
}

/// From the block's gradients of logits to those of its classes, and its part of dx.
template <class T>
void CudaHead<T>::blockGradients(int block, bool accumulate, float* dx) {
  const ClassRange range = blockRange(block);
  const size_t begin = blockOffset(block);
  float* const d_classes = arena_.gradients.data() + begin;
  productsOf(block).d_classes.run(z_.data(), features_.data(), d_classes, accumulate);
  if (options_.type == HeadOptions::Type::kASoftmax &&
      options_.gradient == HeadOptions::Gradient::kReference) {
    patchTargets(logits(block), of_, context_.stream());
  }
  productsOf(block).d_embeddings.run(z_.data(), classes(block), dx, block > 0);
  if (projectsGradient(options_)) {
    projectClasses(range.count, dim_, arena_.parameters.data() + begin, d_classes,
                   context_.stream());
  }
}

template <class T>
void CudaHead<T>::setRule(const HeadStep& step, float loss_scale) {
  *host_rule_.data() = headRule(options_, step, loss_scale);
}

template <class T>
void CudaHead<T>::run(const float* x, const int32_t* labels, bool accumulate, float* dx,
                      HeadStats* stats, const Combine& combine) {
  const cudaStream_t stream = context_.stream();
  const bool fractional = options_.type == HeadOptions::Type::kSphereFaceR2;
  const bool unit_features = normalizesEmbedding(options_.type);
  const ClassRange all = allClasses();
  check(cudaMemcpyAsync(rule_.data(), host_rule_.data(), sizeof(HeadRule), cudaMemcpyHostToDevice,
                        stream),
        "copy the head's rule");
  of_.labels = labels;
  normalizeEmbeddings(images_, dim_, x, unit_features, of_, features_.data(), stream);
  if (rows_.blocks > 0) {
    multiplyBlock(0);
    findTargets(rule_.data(), images_, dim_, x, arena_.parameters.data(), all, of_, stream);
    rowSoftmax(rule_.data(), fractional, logits(0), rows_, of_, stream);
    blockGradients(0, accumulate, dx);
  } else {
    statistics();
    findTargets(rule_.data(), images_, dim_, x, arena_.parameters.data(), all, of_, stream);
    if (combine) combine(of_);
    finishImages(rule_.data(), images_, all, of_, stream);
    for (int block = 0; block < blocks_; ++block) {
      if (blocks_ > 1) multiplyBlock(block);
      rowGradients(rule_.data(), fractional, logits(block), of_, stream);
      blockGradients(block, accumulate, dx);
    }
  }
  finishEmbeddings(images_, dim_, x, unit_features, of_, dx, stream);
  sumStats(images_, of_, stats, stream);
  if (!energy_) return;
  const ClassRows rows = {all, arena_.parameters.data(), arena_.gradients.data()};
  energy_->rowsOf(labels, rows);
  energy_->add(labels, labels, rows, rule_.data(), stats);
}

template <class T>
size_t CudaHead<T>::bytes() const {
  return features_.bytes() + packed_.bytes() + z_.bytes() + parts_.bytes() + norm_.bytes() +
         target_.bytes() + others_.bytes() + softmax_.bytes() + gradient_.bytes() +
         image_stats_.bytes() + (energy_ ? energy_->bytes() : 0);
}

template class CudaHead<float>;
template class CudaHead<Bf16>;

}  // namespace sphereface
