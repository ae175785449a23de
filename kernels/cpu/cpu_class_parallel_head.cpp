// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/class_parallel_head.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/clock.h"
#include "base/positive.h"

namespace sphereface {
namespace {

/// What the workspace is made for: the energy's pairs are of classes on several ranks.
HeadOptions withoutEnergy(HeadOptions head) {
  head.mhe_weight = 0;
  return head;
}

size_t energyBytes(size_t images) {
  return images * (sizeof(int32_t) + sizeof(EnergyRow) + sizeof(double));
}

int trainedClasses(const HeadOptions& head, int images, int classes) {
  return ClassChoice::sizeFor(classes, head.sample_rate, images);
}

}  // namespace

ClassParallelHead::ClassParallelHead(const EngineOptions& options)
    : options_(options.head),
      exchange_(*options.exchange),
      images_(exchange_.images()),
      first_class_(options.first_class),
      classes_(options.classes),
      dim_(options.network.embedding),
      workspace_(withoutEnergy(options.head), images_, dim_,
                 trainedClasses(options.head, images_, classes_)),
      embeddings_(positive(images_) * positive(dim_)),
      labels_(positive(images_)),
      d_embeddings_(embeddings_.size()),
      tops_(positive(images_)),
      sums_(2 * positive(images_)) {
  if (options_.sample_rate < 1) {
    sample_.emplace(first_class_, classes_, dim_, options_.sample_rate, images_);
  }
  if (options_.mhe_weight > 0) {
    by_label_ = AlignedBuffer<int32_t>(positive(images_));
    energy_rows_ = AlignedBuffer<EnergyRow>(positive(images_));
    energies_ = AlignedBuffer<double>(positive(images_));
  }
}

size_t ClassParallelHead::bytes() const {
  return workspace_.bytes() + (sample_ ? sample_->bytes() : 0) + energyBytes(energies_.size()) +
         sizeof(float) * (embeddings_.size() + labels_.size() + d_embeddings_.size() +
                          tops_.size() + sums_.size());
}

size_t ClassParallelHead::bytesFor(const HeadOptions& head, int images, int dim, int classes) {
  const int trained = trainedClasses(head, images, classes);
  return HeadWorkspace::bytesFor(withoutEnergy(head), images, dim, trained) +
         (head.sample_rate < 1 ? ClassSample::bytesFor(classes, dim, head.sample_rate, images)
                               : 0) +
         (head.mhe_weight > 0 ? energyBytes(positive(images)) : 0) +
         sizeof(float) * positive(images) * (2 * positive(dim) + 4);
}

/// Of the softmax over the classes here, the one over all.
void ClassParallelHead::exchangeSoftmax() {
  const size_t images = positive(images_);
  std::copy_n(workspace_.top.data(), images, tops_.data());
  exchange_.maximum(tops_.span());
  for (size_t i = 0; i < images; ++i) {
    const double own = workspace_.top.data()[i];
    const bool none = own == -std::numeric_limits<double>::infinity();
    const double sum = none ? 0 : workspace_.sum.data()[i] * std::exp(own - tops_.data()[i]);
    sums_.data()[i] = static_cast<float>(sum);
    sums_.data()[images + i] = workspace_.target.data()[i];
  }
  exchange_.sum(sums_.span());
  std::copy_n(tops_.data(), images, workspace_.top.data());
  std::copy_n(sums_.data(), images, workspace_.sum.data());
  std::copy_n(sums_.data() + images, images, workspace_.target.data());
}

/// The rows of W of all ranks' labels, each once, with a gradient those that are here. `own`:
/// scratch, [images here, dim]. What the ranks put together is a row and zeros, so that it has W's
/// bits.
std::span<const EnergyRow> ClassParallelHead::gatherRows(const HeadPass& pass,
                                                         std::span<float> own) {
  const std::span<float> rows = d_embeddings_.span();  // by image
  std::ranges::fill(rows, 0.0F);
  auto place_here = [&](int image) {
    const int row = pass.labels[image] - pass.first_class;
    return row >= 0 && row < pass.classes ? static_cast<ptrdiff_t>(row) * dim_ : -1;
  };
  for (int image = 0; image < images_; ++image) {
    const ptrdiff_t at = place_here(image);
    if (at >= 0) std::copy_n(pass.W + at, dim_, rows.data() + static_cast<ptrdiff_t>(image) * dim_);
  }
  exchange_.scatterSum(rows, own);
  exchange_.gather(own, rows);

  const std::span<int32_t> order = by_label_.span();
  std::iota(order.begin(), order.end(), 0);
  auto label = [this](int32_t image) { return labels_.data()[image]; };
  std::ranges::sort(order, {}, label);
  size_t count = 0;
  for (size_t k = 0; k < order.size(); ++k) {
    if (k > 0 && label(order[k]) == label(order[k - 1])) continue;
    const ptrdiff_t at = place_here(order[k]);
    energy_rows_.data()[count++] = {rows.data() + static_cast<ptrdiff_t>(order[k]) * dim_,
                                    at >= 0 ? pass.dW + at : nullptr};
  }
  return {energy_rows_.data(), count};
}

ClassParallelHead::Result ClassParallelHead::run(std::span<const float> embeddings,
                                                 std::span<const int32_t> labels,
                                                 const HeadStep& step, float loss_scale,
                                                 bool accumulate, const Arena& head,
                                                 std::span<float> d_embeddings) {
  Result result;
  auto timed = [&](const auto& exchange) {
    const double start = secondsNow();
    exchange();
    result.exchange_seconds += secondsNow() - start;
  };
  timed([&] {
    exchange_.gather(embeddings, embeddings_.span());
    exchange_.gather(labels, labels_.span());
  });
  HeadPass pass;
  pass.batch = images_;
  pass.dim = dim_;
  pass.step = step;
  pass.loss_scale = loss_scale;
  pass.x = embeddings_.data();
  pass.dx = d_embeddings_.data();
  pass.accumulate = accumulate;
  if (sample_) {
    sample_->choose(labels_.span(), step.sample_key, head.parameters);
    pass.classes = sample_->size();
    pass.W = sample_->W.data();
    pass.dW = sample_->dW.data();
    pass.labels = sample_->labels().data();
  } else {
    pass.classes = classes_;
    pass.first_class = first_class_;
    pass.W = head.parameters.data();
    pass.dW = head.gradients.data();
    pass.labels = labels_.data();
  }
  headForward(options_, pass, workspace_);
  timed([&] { exchangeSoftmax(); });
  result.stats = headBackward(options_, pass, workspace_);
  timed([&] { exchange_.scatterSum(d_embeddings_.span(), d_embeddings); });
  if (options_.mhe_weight > 0) {
    std::span<const EnergyRow> rows;
    // The embeddings have done their work.
    timed([&] { rows = gatherRows(pass, embeddings_.span().first(d_embeddings.size())); });
    addEnergy(options_, pass, rows, energies_.span(), result.stats);
  }
  return result;
}

}  // namespace sphereface
