// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The head of a rank that has a range of the classes and sees the images of all ranks: gathers
// embeddings and labels, and makes the softmax over all classes from what the ranks' ranges give.
//
//   labels, x of all ranks' images   gathered
//   own classes                      largest logit t, sum of exp(logit - t), label's logit
//   T = max t                        over the ranks; the sums are rescaled by exp(t - T) and added,
//                                    the label's logit comes from the rank that has its class
//   own classes                      dW, complete; dx from own classes, to be added
//   dx                               added over the ranks, each rank getting its own images'
//   rows of W of the labels          gathered, with MHE: each rank has the halves of its rows'
//   pairs
//
// These steps are the same on every device; a Device has its memory, its head and its exchange.

#pragma once

#include <memory>

#include "base/positive.h"
#include "kernels/engine.h"

namespace sphereface {

/// When the ranks wait for each other.
enum ExchangeStep : size_t {
  kLabels,
  kEmbeddings,
  kTops,
  kSums,
  kGradients,
  kEnergyRows,  // with MHE
  kExchangeSteps
};

/// Device: CpuSpread (kernels/cpu/cpu_class_parallel_head.h) or CudaSpread. All spans are of its
/// memory.
template <class Device>
class ClassParallelHead {
 public:
  using Sample = typename Device::Sample;

  /// arena: of this rank's classes, without gradients when only a sample of them is trained.
  ClassParallelHead(std::unique_ptr<Device> device, const EngineOptions& options,
                    const Arena& arena)
      : device_(std::move(device)),
        options_(options),
        arena_(arena),
        images_(device_->exchange().images()),
        sample_(options.head.sample_rate < 1 ? device_->makeSample(options, images_) : nullptr),
        energy_(options.head.mhe_weight > 0 ? device_->makeEnergy(options, images_) : nullptr),
        head_(device_->makeHead(headOptions(), trainedArena())),
        labels_(positive(images_)),
        x_(positive(images_) * positive(options.network.embedding)),
        dx_(x_.size()),
        tops_(positive(images_)),
        sums_(2 * positive(images_)) {}

  /// To be called before each run, as soon as the labels [batch] are there: asks for those of all
  /// ranks.
  void begin(std::span<const int32_t> labels) {
    device_->timed(kLabels, [&] {
      device_->exchange().gather(labels, labels_.span());
      if (sample_) device_->fetch(labels_.span());
    });
  }

  /// x and dx [batch, embedding] of this rank's images. Gradients of W go to the trained arena's,
  /// complete. stats: of the labels whose classes are here, on any rank's images.
  void run(std::span<const float> x, const HeadStep& step, float loss_scale, bool accumulate,
           std::span<float> dx, HeadStats* stats) {
    HeadExchange& exchange = device_->exchange();
    if (sample_) device_->choose(*sample_, labels_.span(), step.sample_key, arena_.parameters);
    const int32_t* const labels = sample_ ? sample_->labels().data() : labels_.data();
    device_->timed(kEmbeddings, [&] { exchange.gather(x, x_.span()); });
    head_->setRule(step, loss_scale);
    head_->run(x_.data(), labels, accumulate, dx_.data(), stats,
               [this](auto& of) { this->combine(of); });
    device_->timed(kGradients, [&] { exchange.scatterSum(dx_.span(), dx); });
    if (!energy_) return;
    const Arena arena = trainedArena();
    const ClassRows classes = {trained(), arena.parameters.data(), arena.gradients.data()};
    // The embeddings of all ranks, and their gradients, have done their work.
    device_->gatherRows(*energy_, labels, classes, dx_.span(), x_.span().first(dx.size()));
    energy_->add(labels_.data(), labels, classes, head_->rule(), stats);
  }

  /// Of the last run. requires: its work is done.
  double exchangeSeconds() const {
    return device_->seconds(energy_ ? kExchangeSteps : kEnergyRows);
  }

  typename Device::Exchange& exchange() const { return device_->exchange(); }
  /// The sample that the last run trained; null when all classes are trained.
  Sample* sample() const { return sample_.get(); }
  /// Of the classes that the last run trained.
  Arena trainedArena() const { return sample_ ? sample_->arena() : arena_; }
  /// Of its buffers, which are beside the arena.
  size_t bytes() const {
    return head_->bytes() + (sample_ ? sample_->bytes() : 0) + (energy_ ? energy_->bytes() : 0) +
           sizeof(float) * (labels_.size() + x_.size() + dx_.size() + tops_.size() + sums_.size());
  }

 private:
  template <class T>
  using Buffer = typename Device::template Buffer<T>;

  ClassRange trained() const {
    return sample_ ? ClassRange{0, sample_->size()}
                   : ClassRange{options_.first_class, options_.classes};
  }

  /// Of a head that has all images and the classes to be trained here.
  EngineOptions headOptions() const {
    EngineOptions options = options_;
    options.batch = images_;
    options.head.mhe_weight = 0;  // its pairs are of classes on several ranks
    options.first_class = trained().first;
    options.classes = trained().count;
    return options;
  }

  /// Of the softmax over the classes here, the one over all.
  template <class Images>
  void combine(Images& of) {
    device_->offerTops(of, tops_.span());
    device_->timed(kTops, [&] { device_->exchange().maximum(tops_.span()); });
    device_->offerSums(of, tops_.span(), sums_.span());
    device_->timed(kSums, [&] { device_->exchange().sum(sums_.span()); });
    device_->takeSoftmax(tops_.span(), sums_.span(), of);
  }

  std::unique_ptr<Device> device_;
  EngineOptions options_;
  Arena arena_;
  int images_;  // of all ranks
  std::unique_ptr<Sample> sample_;
  std::unique_ptr<typename Device::Energy> energy_;
  std::unique_ptr<typename Device::Head> head_;
  Buffer<int32_t> labels_;  // [images]
  Buffer<float> x_;         // [images, embedding]
  Buffer<float> dx_;        // [images, embedding]
  Buffer<float> tops_;      // [images]
  Buffer<float> sums_;      // [2, images]: rescaled sums, labels' logits
};

}  // namespace sphereface
