// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Run under mpirun by class_parallel_test.cpp: the ranks train a small model whose classes are
// spread over them, and each compares with an engine of its own that has all classes and images.
// With the argument "cuda" on GPUs, a sample of the classes too, which is compared with the CPUs'.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "kernels/engine.h"
#include "model/initialize.h"
#include "model/network_config.h"
#include "worker/mpi_head_exchange.h"

namespace {

using namespace sphereface;
using Type = HeadOptions::Type;
using Gradient = HeadOptions::Gradient;

int rank = 0;
int ranks = 1;
Device device = Device::kCpu;
bool good = true;

void expectNear(const char* what, std::span<const float> got, std::span<const float> expected) {
  double scale = 0;
  for (const float value : expected)
    scale = std::max<double>(scale, std::fabs(value));
  for (size_t k = 0; k < got.size(); ++k) {
    if (std::fabs(got[k] - expected[k]) <= 2e-5 * scale) continue;
    std::printf("rank %d of %d: %s %zu is %g, not %g\n", rank, ranks, what, k, got[k], expected[k]);
    good = false;
    return;
  }
}

void expectNear(const char* what, double got, double expected) {
  if (std::fabs(got - expected) <= 2e-5 * std::max(1.0, std::fabs(expected))) return;
  std::printf("rank %d of %d: %s is %g, not %g\n", rank, ranks, what, got, expected);
  good = false;
}

/// Runs of `count` things, as unequal as they get: rank r has a share of r + 1.
std::vector<int> unevenRuns(int count) {
  std::vector<int> begin = {0};
  const int shares = ranks * (ranks + 1) / 2;
  for (int r = 0; r < ranks; ++r) {
    const int upto = (r + 1) * (r + 2) / 2;
    begin.push_back(r + 1 == ranks ? count : std::max(begin.back() + 1, count * upto / shares));
  }
  return begin;
}

double overRanks(double value) {
  double sum = 0;
  MPI_Allreduce(&value, &sum, 1, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
  return sum;
}

struct Case {
  HeadOptions head;
  HeadStep step;
  double clip = -1;
};

/// A model, what is this rank's of it, and the images and labels of a step.
struct Model {
  Model(const Case& c, int all_classes, int all_images)
      : classes(all_classes),
        images(all_images),
        first_image(unevenRuns(images)),
        first_class(unevenRuns(classes)) {
    NetworkConfig network;
    network.set_name("custom");
    network.set_height(14);
    network.set_width(12);
    network.set_embedding(kDim);
    network.add_stage()->set_channels(8);
    whole.network = buildNetwork(network);
    whole.classes = classes;
    whole.head = c.head;
    whole.batch = images;
    part = whole;
    const auto self = static_cast<size_t>(rank);
    part.first_class = first_class[self];
    part.classes = first_class[self + 1] - first_class[self];
    part.batch = first_image[self + 1] - first_image[self];
  }

  /// `on`: with the ranks' CPUs, through `exchange`, or their GPUs.
  std::unique_ptr<Engine> makePart(Device on, HeadExchange& exchange) const {
    EngineOptions options = part;
    DeviceGroup group;
    if (rank == 0) group.id = newDeviceGroup(on);
    broadcast(MPI_COMM_WORLD, group.id);
    if (group.id.empty()) {
      options.exchange = &exchange;
    } else {
      group.ranks = ranks;
      group.rank = rank;
      options.head_group = {group, first_image, std::chrono::seconds(30)};
    }
    std::unique_ptr<Engine> engine = makeEngine(on, options);
    initializeTrunk(options.network, 3, engine->trunk().parameters);
    initializeHead(options.first_class, options.classes, kDim, 3, engine->head().parameters);
    return engine;
  }

  void makeImages(uint64_t step) {
    Random random(5, step);
    pixels.resize(static_cast<size_t>(images) * whole.network.imageBytes());
    for (uint8_t& byte : pixels)
      byte = static_cast<uint8_t>(random.below(256));
    labels.resize(static_cast<size_t>(images));
    for (int32_t& label : labels)
      label = static_cast<int32_t>(random.below(static_cast<uint64_t>(classes)));
  }

  /// Forward and backward of this rank's images.
  HeadStats run(Engine& engine, const HeadStep& step) const {
    const auto begin = static_cast<size_t>(first_image[static_cast<size_t>(rank)]);
    const auto count = static_cast<size_t>(part.batch);
    const size_t bytes = whole.network.imageBytes();
    return engine
        .forwardBackward(std::span(pixels).subspan(begin * bytes, count * bytes),
                         std::span(labels).subspan(begin, count), step, lossScale(), false)
        .head;
  }
  float lossScale() const { return 1 / static_cast<float>(images); }

  static constexpr int kDim = 13;
  int classes;
  int images;
  std::vector<int> first_image;
  std::vector<int> first_class;
  EngineOptions whole;
  EngineOptions part;
  std::vector<uint8_t> pixels;
  std::vector<int32_t> labels;
};

/// Over the ranks, in place.
void sumGradients(std::span<float> gradients) {
  MPI_Allreduce(MPI_IN_PLACE, gradients.data(), static_cast<int>(gradients.size()), MPI_FLOAT,
                MPI_SUM, MPI_COMM_WORLD);
}

/// Two steps of both engines.
void check(const Case& c, int classes, int images) {
  Model model(c, classes, images);
  const std::unique_ptr<Engine> whole = makeEngine(Device::kCpu, model.whole);
  initializeTrunk(model.whole.network, 3, whole->trunk().parameters);
  initializeHead(0, classes, Model::kDim, 3, whole->head().parameters);
  MpiHeadExchange exchange(MPI_COMM_WORLD, model.first_image, Model::kDim,
                           {std::chrono::seconds(30), Waiting::kAwake});
  const std::unique_ptr<Engine> part = model.makePart(device, exchange);
  const auto offset = static_cast<size_t>(model.part.first_class) * Model::kDim;
  auto own_rows = [&](std::span<const float> head) {
    return head.subspan(offset, part->head().parameters.size());
  };

  for (uint64_t step = 0; step < 2; ++step) {
    model.makeImages(step);
    const HeadStats expected =
        whole->forwardBackward(model.pixels, model.labels, c.step, model.lossScale(), false).head;
    const HeadStats got = model.run(*part, c.step);
    expectNear("loss", overRanks(got.loss_sum), expected.loss_sum);
    expectNear("energy", overRanks(got.mhe_sum), expected.mhe_sum);
    expectNear("correct", overRanks(static_cast<double>(got.correct)),
               static_cast<double>(expected.correct));
    expectNear("target cosines", overRanks(got.target_cosine_sum), expected.target_cosine_sum);
    expectNear("dW", part->head().gradients, own_rows(whole->head().gradients));
    // The network's gradients are sums over the ranks' images, as ever.
    sumGradients(part->trunk().gradients);
    expectNear("network gradients", part->trunk().gradients, whole->trunk().gradients);
    const Update update = {0.05, 0.9, 0.0005, c.clip};
    expectNear("gradient norm", part->update(update), whole->update(update));
    expectNear("W", part->head().parameters, own_rows(whole->head().parameters));
    expectNear("momenta", part->head().momentum, own_rows(whole->head().momentum));
    expectNear("network", part->trunk().parameters, whole->trunk().parameters);
  }
}

/// Two steps of a sample of the classes, on the GPUs and on the CPUs.
void checkSample(const Case& c, int classes, int images) {
  Model model(c, classes, images);
  MpiHeadExchange exchange(MPI_COMM_WORLD, model.first_image, Model::kDim,
                           {std::chrono::seconds(30), Waiting::kAwake});
  const std::unique_ptr<Engine> want = model.makePart(Device::kCpu, exchange);
  const std::unique_ptr<Engine> got = model.makePart(device, exchange);
  HeadStep head_step = c.step;
  for (uint64_t step = 0; step < 2; ++step) {
    model.makeImages(step);
    head_step.sample_key = step;
    const HeadStats expected = model.run(*want, head_step);
    const HeadStats stats = model.run(*got, head_step);
    expectNear("loss of a sample", stats.loss_sum, expected.loss_sum);
    expectNear("energy of a sample", stats.mhe_sum, expected.mhe_sum);
    for (Engine* engine : {want.get(), got.get()})
      sumGradients(engine->trunk().gradients);
    expectNear("network gradients", got->trunk().gradients, want->trunk().gradients);
    const Update update = {0.05, 0.9, 0.0005, c.clip};
    expectNear("gradient norm", got->update(update), want->update(update));
    expectNear("W with a sample", got->head().parameters, want->head().parameters);
    expectNear("momenta with a sample", got->head().momentum, want->head().momentum);
  }
}

HeadOptions head(Type type, Gradient gradient, std::optional<bool> streaming = std::nullopt) {
  HeadOptions options;
  options.type = type;
  options.gradient = gradient;
  options.streaming = streaming;
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  if (argc > 1 && std::string(argv[1]) == "cuda") device = Device::kCuda;
  std::vector<Case> cases;
  for (const double m : {1.0, 2.0, 3.0, 4.0}) {
    for (const Gradient gradient : {Gradient::kReference, Gradient::kExact})
      cases.push_back({head(Type::kASoftmax, gradient), {m, 5}});
  }
  cases.push_back({head(Type::kSoftmax, Gradient::kExact), {1, 0}});
  cases.push_back({head(Type::kNormFace, Gradient::kExact), {1, 0}});
  cases.push_back({head(Type::kCosFace, Gradient::kExact), {0.35, 0}});
  cases.push_back({head(Type::kArcFace, Gradient::kExact, true), {0.5, 0}});
  cases.push_back({head(Type::kArcFace, Gradient::kDetached), {0.5, 0}, 0.1});
  cases.push_back({head(Type::kSphereFaceR1, Gradient::kDetached), {1.5, 0}});
  cases.push_back({head(Type::kSphereFaceR2, Gradient::kExact, true), {1.5, 0}});
  for (const Type type : {Type::kASoftmax, Type::kCosFace}) {
    HeadOptions with_energy = head(type, Gradient::kExact);
    with_energy.mhe_weight = 0.3;
    cases.push_back({with_energy, {type == Type::kASoftmax ? 4.0 : 0.35, 5}});
  }
  for (Case& c : cases) {
    for (const int classes : {7, 127})
      check(c, classes, 13);
    if (device == Device::kCpu) continue;
    c.head.sample_rate = 0.3;
    checkSample(c, 127, 13);
  }
  MPI_Finalize();
  return good ? 0 : 1;
}
