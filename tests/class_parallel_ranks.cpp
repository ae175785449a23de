// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Run under mpirun by class_parallel_test.cpp: the ranks train a small model whose classes are
// spread over them, and each compares with an engine of its own that has all classes and images.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <numeric>
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

/// Two steps of both engines.
void check(const Case& c, int classes, int images) {
  NetworkConfig network;
  network.set_name("custom");
  network.set_height(14);
  network.set_width(12);
  network.set_embedding(13);
  network.add_stage()->set_channels(8);
  EngineOptions options;
  options.network = buildNetwork(network);
  options.classes = classes;
  options.head = c.head;
  options.batch = images;
  const std::unique_ptr<Engine> whole = makeEngine(Device::kCpu, options);

  const std::vector<int> first_image = unevenRuns(images);
  const std::vector<int> first_class = unevenRuns(classes);
  const auto self = static_cast<size_t>(rank);
  MpiHeadExchange exchange(MPI_COMM_WORLD, first_image, 13,
                           {std::chrono::seconds(30), Waiting::kAwake});
  options.exchange = &exchange;
  options.first_class = first_class[self];
  options.classes = first_class[self + 1] - first_class[self];
  options.batch = first_image[self + 1] - first_image[self];
  const std::unique_ptr<Engine> part = makeEngine(Device::kCpu, options);

  for (Engine* engine : {whole.get(), part.get()})
    initializeTrunk(options.network, 3, engine->trunk().parameters);
  initializeHead(0, classes, 13, 3, whole->head().parameters);
  initializeHead(options.first_class, options.classes, 13, 3, part->head().parameters);
  const auto offset = static_cast<size_t>(options.first_class) * 13;
  auto own_rows = [&](std::span<const float> head) {
    return head.subspan(offset, part->head().parameters.size());
  };

  for (uint64_t step = 0; step < 2; ++step) {
    Random random(5, step);
    std::vector<uint8_t> pixels(static_cast<size_t>(images) * options.network.imageBytes());
    for (uint8_t& byte : pixels)
      byte = static_cast<uint8_t>(random.below(256));
    std::vector<int32_t> labels(static_cast<size_t>(images));
    for (int32_t& label : labels)
      label = static_cast<int32_t>(random.below(static_cast<uint64_t>(classes)));
    const float loss_scale = 1 / static_cast<float>(images);
    const HeadStats expected =
        whole->forwardBackward(pixels, labels, c.step, loss_scale, false).head;
    const auto begin = static_cast<size_t>(first_image[self]);
    const auto count = static_cast<size_t>(options.batch);
    const HeadStats got =
        part->forwardBackward(std::span(pixels).subspan(begin * options.network.imageBytes(),
                                                        count * options.network.imageBytes()),
                              std::span(labels).subspan(begin, count), c.step, loss_scale, false)
            .head;
    expectNear("loss", overRanks(got.loss_sum), expected.loss_sum);
    expectNear("energy", overRanks(got.mhe_sum), expected.mhe_sum);
    expectNear("correct", overRanks(static_cast<double>(got.correct)),
               static_cast<double>(expected.correct));
    expectNear("target cosines", overRanks(got.target_cosine_sum), expected.target_cosine_sum);
    expectNear("dW", part->head().gradients, own_rows(whole->head().gradients));
    // The network's gradients are sums over the ranks' images, as ever.
    const std::span<float> gradients = part->trunk().gradients;
    MPI_Allreduce(MPI_IN_PLACE, gradients.data(), static_cast<int>(gradients.size()), MPI_FLOAT,
                  MPI_SUM, MPI_COMM_WORLD);
    expectNear("network gradients", gradients, whole->trunk().gradients);
    const Update update = {0.05, 0.9, 0.0005, c.clip};
    expectNear("gradient norm", part->update(update), whole->update(update));
    expectNear("W", part->head().parameters, own_rows(whole->head().parameters));
    expectNear("momenta", part->head().momentum, own_rows(whole->head().momentum));
    expectNear("network", part->trunk().parameters, whole->trunk().parameters);
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
  for (const Case& c : cases) {
    for (const int classes : {7, 127})
      check(c, classes, 13);
  }
  MPI_Finalize();
  return good ? 0 : 1;
}
