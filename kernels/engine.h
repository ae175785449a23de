// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// One model on one device: the interface that every compute backend implements. The caller owns the
// schedule, the data and the reduction over ranks; the engine owns memory and arithmetic.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kernels/device_reduction.h"
#include "kernels/head.h"
#include "kernels/head_exchange.h"
#include "kernels/network.h"
#include "kernels/shard_tree.h"

namespace sphereface {

enum class Device { kCpu, kCuda };
enum class Precision {
  kFp32,
  kTf32,  // fp32 whose products are made of 10-bit mantissas; of GPUs
  kBf16
};
enum class Convolution {
  kDirect,   // the same arithmetic in every run
  kFastest,  // of each layer's passes, by a short measurement when the engine is made
};

struct EngineOptions {
  Network network;
  int classes = 0;  // 0: embeddings only; no head, no gradients
  HeadOptions head;
  // Where the classes are spread over ranks: `classes` are those here, from class `first_class` on,
  // and the head asks the other ranks through `exchange`, which must outlive the engine; on a GPU
  // as one of `head_group`, all of which make their engines together.
  int first_class = 0;
  HeadExchange* exchange = nullptr;
  HeadGroup head_group;
  int batch = 0;  // images of every pass
  Precision precision = Precision::kFp32;
  Convolution convolution = Convolution::kDirect;
  // With kFastest, on a CPU: what another engine of the same network answered to
  // convolutionAlgorithms(). Then nothing is measured, and the arithmetic is that engine's.
  std::string convolution_algorithms;
  int threads = 1;       // of a CPU
  int device_index = 0;  // of the GPUs that CUDA shows this process; where it shows one, that one
  bool cuda_graphs = true;  // a GPU's passes are recorded and launched as one
};

/// Parameters with their gradients and momenta, alike in layout. In the engine's memory: a GPU
/// engine's spans are only to be handed back to it.
struct Arena {
  std::span<float> parameters;
  std::span<float> gradients;
  std::span<float> momentum;
};

struct PassStats {
  HeadStats head;  // with classes spread over ranks, of the labels whose classes are here, on any
                   // rank's images
  double forward_seconds = 0;
  double head_seconds = 0;  // without the exchange
  double exchange_seconds = 0;
  double backward_seconds = 0;
};

struct Update {
  double learning_rate = 0;
  double momentum = 0;
  double weight_decay = 0;
  double clip_gradients = -1;  // largest 2-norm of G over all parameters; negative: any
};

/// Takes ranges of the arenas' gradients as backward makes them final, so that their reduction can
/// begin: the head's first (not where the classes are spread over ranks, as they are complete),
/// then the network's from the front, each where the last one ended. The engine neither reads nor
/// writes a range again before the next pass. On a GPU a range is final for DeviceReduction::sum
/// from when it is told of.
using GradientsReady = std::function<void(const GradientRange&)>;

/// Bytes of an engine's own buffers; what the libraries below it take is not in them.
struct EngineMemory {
  size_t parameters = 0;   // with gradients and momenta
  size_t activations = 0;  // with their gradients, embeddings and the network's workspace
  size_t head = 0;         // logits, unless streaming, and the head's workspace

  size_t total() const { return parameters + activations + head; }
};

/// Not thread-safe: used by the thread that made it.
class Engine {
 public:
  virtual ~Engine() = default;

  /// The network's arena, laid out as network.parameters says, and the head's, classes x embedding,
  /// without gradients when only a sample of the classes is trained.
  virtual Arena trunk() = 0;
  virtual Arena head() = 0;

  /// Copy of a part of an arena to the caller's memory, and from it. requires: equal sizes.
  virtual void read(std::span<const float> arena_part, std::span<float> to) const = 0;
  virtual void write(std::span<const float> from, std::span<float> arena_part) = 0;

  /// Embeddings [batch, embedding] of images [batch, channels, height, width], bytes, B G R planes.
  virtual void embed(std::span<const uint8_t> images, std::span<float> embeddings) = 0;

  /// Forward, loss and backward; gradients are overwritten, or added to with `accumulate`.
  /// loss_scale: d(total loss)/d(loss of one image). `ready` may be empty. requires: classes > 0.
  virtual PassStats forwardBackward(std::span<const uint8_t> images,
                                    std::span<const int32_t> labels, const HeadStep& head_step,
                                    float loss_scale, bool accumulate,
                                    const GradientsReady& ready = {}) = 0;

  /// Tells the images of the pass after the next forwardBackward(), which stay as they are until it
  /// is over: a GPU fetches them while it computes. May be left out.
  virtual void announce(std::span<const uint8_t> images) = 0;

  /// Caffe's SGD: G *= min(1, clip_gradients / |G|);
  /// V = momentum V + rate rate_mult (G + decay decay_mult W); W -= V.
  /// Returns |G|, the 2-norm over all parameters, of all ranks' classes, before clipping and decay.
  /// `gradients` stay as they are. Of a head of which a sample was trained, the sample is updated.
  virtual double update(const Update& update) = 0;

  /// A tree for gradients of this engine that it tells of, which must outlive it.
  virtual std::unique_ptr<ShardTree> makeShardTree(size_t shards) = 0;

  /// Of a GPU: this engine's part in the sums over a group of ranks, made by all its ranks
  /// together; the engine must outlive it. requires: the id of such a group.
  virtual std::unique_ptr<DeviceReduction> join(const DeviceGroup& group, const DeviceSum& sum) = 0;

  /// The algorithms in use, in the backend's own words; empty if it has no choice.
  virtual std::string convolutionAlgorithms() const = 0;

  /// What the user should know of how the engine was made: an option that this machine can't do and
  /// what was done instead. One sentence each.
  virtual std::vector<std::string> notes() const = 0;

  /// FLOP/s of a large matrix product in this engine's precision, on its threads or its GPU,
  /// measured when asked: some tens of milliseconds. What a step can reach at most
  /// (kernels/matrix_peak.h).
  virtual double matrixPeak() = 0;

  /// All its buffers are made with the engine, so this never changes.
  virtual EngineMemory memory() const = 0;
};

/// errors: Error when the device isn't there or wasn't built in, with what to do.
std::unique_ptr<Engine> makeEngine(Device device, const EngineOptions& options);

/// errors: makeEngine's of such a device being missing. Takes no memory of it.
void checkDevice(Device device);

/// What memory() of such an engine would be, without making it or asking for the device. On a GPU
/// but for cuDNN's workspace and buffers that don't matter beside the others. images: of a pass
/// over all ranks, where the classes are spread over them; otherwise 0.
EngineMemory predictMemory(Device device, const EngineOptions& options, int images);

/// The id of a new group of ranks with such devices. Empty where gradients are in the host's
/// memory: sums over them are the caller's.
std::string newDeviceGroup(Device device);

}  // namespace sphereface
