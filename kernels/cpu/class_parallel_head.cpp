// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/cpu/class_parallel_head.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/clock.h"

namespace sphereface {
namespace {

size_t positive(int value) {
  return static_cast<size_t>(value);
}

int trainedClasses(const HeadOptions& head, int images, int classes) {
  return ClassSample::sizeFor(classes, head.sample_rate, images);
}

}  // namespace

ClassParallelHead::ClassParallelHead(const EngineOptions& options)
    : options_(options.head),
      exchange_(*options.exchange),
      images_(exchange_.images()),
      first_class_(options.first_class),
      classes_(options.classes),
      dim_(options.network.embedding),
      workspace_(options.head, images_, dim_, trainedClasses(options.head, images_, classes_)),
      embeddings_(positive(images_) * positive(dim_)),
      labels_(positive(images_)),
      d_embeddings_(embeddings_.size()),
      tops_(positive(images_)),
      sums_(2 * positive(images_)) {
  if (options_.sample_rate < 1) {
    sample_.emplace(first_class_, classes_, dim_, options_.sample_rate, images_);
  }
}

size_t ClassParallelHead::bytes() const {
  return workspace_.bytes() + (sample_ ? sample_->bytes() : 0) +
         sizeof(float) * (embeddings_.size() + labels_.size() + d_embeddings_.size() +
                          tops_.size() + sums_.size());
}

size_t ClassParallelHead::bytesFor(const HeadOptions& head, int images, int dim, int classes) {
  const int trained = trainedClasses(head, images, classes);
  return HeadWorkspace::bytesFor(head, images, dim, trained) +
         (head.sample_rate < 1 ? ClassSample::bytesFor(classes, dim, head.sample_rate, images)
                               : 0) +
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
  return result;
}

}  // namespace sphereface
