// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/cuda/cuda_class_parallel_head.h"

#include "base/positive.h"
#include "kernels/cuda/exchange_kernels.h"

namespace sphereface {

template <class T>
CudaClassParallelHead<T>::CudaClassParallelHead(const GpuContext& context,
                                                const EngineOptions& options, const Arena& arena)
    : context_(context),
      options_(options),
      arena_(arena),
      exchange_(joinGpuExchange(context, options.head_group)),
      images_(exchange_->images()),
      sample_(options.head.sample_rate < 1
                  ? std::optional<CudaClassSample>(std::in_place, options.first_class,
                                                   options.classes, options.network.embedding,
                                                   options.head.sample_rate, images_)
                  : std::nullopt),
      energy_(options.head.mhe_weight > 0
                  ? std::make_unique<CudaEnergy>(context, images_, options.network.embedding,
                                                 options.head.mhe_weight)
                  : nullptr),
      head_(context, headOptions(), trainedArena()),
      labels_(positive(images_)),
      x_(positive(images_) * positive(options.network.embedding)),
      dx_(x_.size()),
      tops_(positive(images_)),
      sums_(2 * positive(images_)),
      host_labels_(positive(images_)) {}

template <class T>
ClassRange CudaClassParallelHead<T>::trained() const {
  return sample_ ? ClassRange{0, sample_->size()}
                 : ClassRange{options_.first_class, options_.classes};
}

template <class T>
Arena CudaClassParallelHead<T>::trainedArena() const {
  return sample_ ? sample_->arena() : arena_;
}

/// Of a head that has all images and the classes to be trained here.
template <class T>
EngineOptions CudaClassParallelHead<T>::headOptions() const {
  EngineOptions options = options_;
  options.batch = images_;
  options.head.mhe_weight = 0;  // its pairs are of classes on several ranks
  options.first_class = trained().first;
  options.classes = trained().count;
  return options;
}

template <class T>
template <class Exchange>
void CudaClassParallelHead<T>::timed(size_t mark, const Exchange& exchange) {
  marks_.set(mark, context_.stream());
  exchange();
  marks_.set(mark + 1, context_.stream());
}

template <class T>
void CudaClassParallelHead<T>::begin(std::span<const int32_t> labels) {
  timed(kLabels, [&] {
    exchange_->gather(labels, labels_.span());
    if (!sample_) return;
    check(cudaMemcpyAsync(host_labels_.data(), labels_.data(), labels_.bytes(),
                          cudaMemcpyDeviceToHost, context_.stream()),
          "copy labels");
  });
}

/// While the GPU makes the embeddings.
template <class T>
void CudaClassParallelHead<T>::chooseSample(uint64_t key) {
  exchange_->wait(marks_.at(kLabels + 1));
  sample_->choose({host_labels_.data(), host_labels_.size()}, key, context_.stream());
  sample_->take(arena_.parameters, sample_->arena().parameters, context_.stream());
}

template <class T>
void CudaClassParallelHead<T>::combine(const HeadImages& of) {
  const cudaStream_t stream = context_.stream();
  offerTops(images_, of, tops_.data(), stream);
  timed(kTops, [&] { exchange_->maximum(tops_.span()); });
  offerSums(images_, of, tops_.data(), sums_.data(), stream);
  timed(kSums, [&] { exchange_->sum(sums_.span()); });
  takeSoftmax(images_, tops_.data(), sums_.data(), of, stream);
}

template <class T>
void CudaClassParallelHead<T>::run(std::span<const float> x, const HeadStep& step, float loss_scale,
                                   bool accumulate, std::span<float> dx, HeadStats* stats) {
  if (sample_) chooseSample(step.sample_key);
  const int32_t* const labels = sample_ ? sample_->labels() : labels_.data();
  timed(kEmbeddings, [&] { exchange_->gather(x, x_.span()); });
  head_.setRule(step, loss_scale);
  head_.run(x_.data(), labels, accumulate, dx_.data(), stats,
            [this](const HeadImages& of) { combine(of); });
  timed(kGradients, [&] { exchange_->scatterSum(dx_.span(), dx); });
  if (!energy_) return;
  const Arena arena = trainedArena();
  const CudaEnergy::Classes classes = {trained(), arena.parameters.data(), arena.gradients.data()};
  const std::span<float> rows = energy_->rowsOf(labels, classes);
  // A row and zeros: W's bits.
  timed(kEnergyRows, [&] { exchange_->sum(rows); });
  energy_->add(labels_.data(), labels, classes, head_.rule(), stats);
}

template <class T>
double CudaClassParallelHead<T>::exchangeSeconds() const {
  double seconds = 0;
  const size_t marks = energy_ ? kMarks : kEnergyRows;
  for (size_t mark = 0; mark < marks; mark += 2)
    seconds += marks_.seconds(mark, mark + 1);
  return seconds;
}

template <class T>
size_t CudaClassParallelHead<T>::bytes() const {
  return head_.bytes() + (sample_ ? sample_->bytes() : 0) + (energy_ ? energy_->bytes() : 0) +
         labels_.bytes() + x_.bytes() + dx_.bytes() + tops_.bytes() + sums_.bytes();
}

template class CudaClassParallelHead<float>;
template class CudaClassParallelHead<Bf16>;

}  // namespace sphereface
