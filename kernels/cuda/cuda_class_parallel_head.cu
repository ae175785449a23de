// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/cuda/cuda_class_parallel_head.h"

#include <algorithm>

#include "base/positive.h"
#include "kernels/cuda/warp_rows.cuh"

namespace sphereface {
namespace {

// What ranks can combine of the softmax over the classes here: tops [images], of which the maximum
// is wanted; when they are the maxima, sums [2, images]: of exp(logit - maximum) over the other
// classes, and the label's logit, 0 where the label isn't here.

__global__ void offerTopsKernel(size_t images, const SoftmaxOthers* others, float* tops) {
  const size_t image = threadIndex();
  if (image < images) tops[image] = others[image].top;
}

__global__ void offerSumsKernel(size_t images, HeadImages of, const float* tops, float* sums) {
  const size_t image = threadIndex();
  if (image >= images) return;
  const SoftmaxOthers own = of.others[image];
  // Without a class but the label there is nothing to scale; NaN must not be passed over.
  const bool none = own.top == -INFINITY && own.sum == 0;
  const double scale = exp(static_cast<double>(own.top) - static_cast<double>(tops[image]));
  sums[image] = none ? 0.0F : static_cast<float>(own.sum * scale);
  sums[images + image] = of.target[image].logit;
}

__global__ void takeSoftmaxKernel(size_t images, const float* tops, const float* sums,
                                  HeadImages of) {
  const size_t image = threadIndex();
  if (image >= images) return;
  of.others[image] = {tops[image], static_cast<double>(sums[image])};
  of.target[image].logit = sums[images + image];
}

__global__ void takeRowsKernel(const int32_t* rows, size_t count, size_t dim, const float* all,
                               float* part) {
  const size_t row = warpRow();
  if (row >= count) return;
  const float* const from = all + static_cast<size_t>(rows[row]) * dim;
  for (size_t k = static_cast<size_t>(laneOfWarp()); k < dim; k += kWarp)
    part[row * dim + k] = from[k];
}

__global__ void putRowsKernel(const int32_t* rows, size_t count, size_t dim, const float* part,
                              float* all) {
  const size_t row = warpRow();
  if (row >= count) return;
  float* const to = all + static_cast<size_t>(rows[row]) * dim;
  for (size_t k = static_cast<size_t>(laneOfWarp()); k < dim; k += kWarp)
    to[k] = part[row * dim + k];
}

}  // namespace

CudaClassSample::CudaClassSample(int first_class, int classes, int dim, double share, int images)
    : choice_(first_class, classes, share, images),
      dim_(dim),
      host_(positive(size()) + positive(images)),
      rows_(positive(size())),
      labels_(positive(images)),
      store_(rows_.size() * positive(dim), true, true) {}

void CudaClassSample::choose(std::span<const int32_t> labels, uint64_t key, cudaStream_t stream) {
  choice_.choose(labels, key);
  int32_t* const host_labels = std::ranges::copy(choice_.rows(), host_.data()).out;
  std::ranges::copy(choice_.labels(), host_labels);
  auto upload = [&](const int32_t* from, const DeviceBuffer<int32_t>& to) {
    check(cudaMemcpyAsync(to.data(), from, to.bytes(), cudaMemcpyHostToDevice, stream),
          "copy the sample of the classes");
  };
  upload(host_.data(), rows_);
  upload(host_labels, labels_);
}

void CudaClassSample::take(std::span<const float> all, std::span<float> part,
                           cudaStream_t stream) const {
  launch("take rows", takeRowsKernel, warpEach(size()), stream, rows_.data(), size(), dim_,
         all.data(), part.data());
}

void CudaClassSample::put(std::span<const float> part, std::span<float> all,
                          cudaStream_t stream) const {
  launch("put rows back", putRowsKernel, warpEach(size()), stream, rows_.data(), size(), dim_,
         part.data(), all.data());
}

GpuSpread::GpuSpread(const GpuContext& context, const EngineOptions& options)
    : context_(context),
      exchange_(joinGpuExchange(context, options.head_group)),
      host_labels_(positive(exchange_->images())) {}

std::unique_ptr<CudaClassSample> GpuSpread::makeSample(const EngineOptions& options, int images) {
  return std::make_unique<CudaClassSample>(options.first_class, options.classes,
                                           options.network.embedding, options.head.sample_rate,
                                           images);
}

std::unique_ptr<CudaEnergy> GpuSpread::makeEnergy(const EngineOptions& options, int images) const {
  return std::make_unique<CudaEnergy>(context_, images, options.network.embedding,
                                      options.head.mhe_weight);
}

double GpuSpread::seconds(size_t steps) const {
  double sum = 0;
  for (size_t step = 0; step < steps; ++step)
    sum += marks_.seconds(beginOf(step), endOf(step));
  return sum;
}

void GpuSpread::fetch(std::span<const int32_t> labels) const {
  check(cudaMemcpyAsync(host_labels_.data(), labels.data(), labels.size_bytes(),
                        cudaMemcpyDeviceToHost, context_.stream()),
        "copy labels");
}

void GpuSpread::choose(CudaClassSample& sample, std::span<const int32_t> labels, uint64_t key,
                       std::span<const float> W) const {
  exchange_->wait(marks_.at(endOf(kLabels)));
  sample.choose({host_labels_.data(), labels.size()}, key, context_.stream());
  sample.take(W, sample.arena().parameters, context_.stream());
}

void GpuSpread::offerTops(const HeadImages& of, std::span<float> tops) const {
  launch("offer the largest logits", offerTopsKernel, threadEach(tops.size()), context_.stream(),
         tops.size(), of.others, tops.data());
}

void GpuSpread::offerSums(const HeadImages& of, std::span<const float> tops,
                          std::span<float> sums) const {
  launch("offer the softmax's sums", offerSumsKernel, threadEach(tops.size()), context_.stream(),
         tops.size(), of, tops.data(), sums.data());
}

void GpuSpread::takeSoftmax(std::span<const float> tops, std::span<const float> sums,
                            const HeadImages& of) const {
  launch("take the softmax of all ranks", takeSoftmaxKernel, threadEach(tops.size()),
         context_.stream(), tops.size(), tops.data(), sums.data(), of);
}

}  // namespace sphereface
