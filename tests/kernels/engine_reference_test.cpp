// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// One pass of an engine, network and head together, against the double-precision references.

#include <gtest/gtest.h>

#include <array>
#include <numeric>
#include <utility>

#include "base/error.h"
#include "kernels/reference/reference_head.h"
#include "kernels/reference/reference_trunk.h"
#include "tests/kernels/engine_under_test.h"
#include "tests/support/network_support.h"

namespace sphereface {
namespace {

using testing::customNetwork;
using testing::makeEngineUnderTest;
using testing::relativeNorm;
using testing::setValues;
using testing::valuesOf;

struct Case {
  Network network;
  int batch;
  int classes;
  HeadOptions head;
  HeadStep step;
};

std::vector<Case> cases() {
  using Type = HeadOptions::Type;
  using Gradient = HeadOptions::Gradient;
  return {
      {customNetwork(7, 5, 3, {{1, 1}}), 1, 3, {}, {4, 5}},
      {customNetwork(9, 13, 13, {{3, 2}, {13, 1}}), 3, 13, {.gradient = Gradient::kExact}, {3, 10}},
      {customNetwork(16, 12, 32, {{16, 1}, {32, 2}}),
       5,
       40,
       {.type = Type::kCosFace, .gradient = Gradient::kExact, .scale = 7},
       {0.35}},
      {customNetwork(13, 16, 24, {{24, 2}, {40, 0}, {16, 1}}),
       4,
       70,
       {.type = Type::kSphereFaceR2, .gradient = Gradient::kExact, .scale = 7, .streaming = true},
       {1.5}},
      {customNetwork(8, 8, 16, {{8, 1}}), 6, 9, {.type = Type::kSoftmax}, {}},
  };
}

struct Pass {
  std::vector<double> embeddings;
  std::vector<double> d_trunk;
  reference::HeadOutput head;
};

Pass referencePass(const Case& c, const std::vector<float>& trunk, const std::vector<float>& head,
                   const std::vector<uint8_t>& images, const std::vector<int32_t>& labels) {
  const std::vector<double> parameters(trunk.begin(), trunk.end());
  const reference::TrunkState state = reference::forward(c.network, images, parameters, c.batch);
  reference::HeadInput input;
  input.batch = c.batch;
  input.dim = c.network.embedding;
  input.classes = c.classes;
  input.step = c.step;
  input.loss_scale = 1.0 / c.batch;
  input.x = state.embeddings;
  input.W.assign(head.begin(), head.end());
  input.labels.assign(labels.begin(), labels.end());
  Pass pass;
  pass.embeddings = state.embeddings;
  pass.head = reference::head(c.head, input);
  pass.d_trunk = reference::backward(c.network, state, pass.head.dx, parameters, c.batch);
  return pass;
}

EngineOptions optionsOf(const Case& c) {
  EngineOptions options;
  options.network = c.network;
  options.classes = c.classes;
  options.head = c.head;
  options.batch = c.batch;
  return options;
}

class EnginePass : public ::testing::TestWithParam<std::tuple<size_t, Precision>> {};

TEST_P(EnginePass, EqualsTheReference) {
  const auto [index, precision] = GetParam();
  const Case c = cases().at(index);
  const bool fp32 = precision == Precision::kFp32;
  const bool bf16 = precision == Precision::kBf16;
  EngineOptions options = optionsOf(c);
  options.precision = precision;
  const std::unique_ptr<Engine> engine = makeEngineUnderTest(options);
  const std::vector<float> trunk = testing::randomParameters(c.network, 3);
  const std::vector<float> head = testing::randomFloats(
      static_cast<size_t>(c.classes) * static_cast<size_t>(c.network.embedding), 5);
  const std::vector<uint8_t> images = testing::randomImages(c.network, c.batch, 4);
  std::vector<int32_t> labels(static_cast<size_t>(c.batch));
  for (size_t i = 0; i < labels.size(); ++i)
    labels[i] = static_cast<int32_t>(i * 5 % static_cast<size_t>(c.classes));
  setValues(*engine, trunk, engine->trunk().parameters);
  setValues(*engine, head, engine->head().parameters);
  const Pass want = referencePass(c, trunk, head, images, labels);

  // bf16 rounds every activation, TF32 what is multiplied; gradients meet more of it than
  // embeddings.
  const double forward_tolerance = fp32 ? 2e-5 : bf16 ? 0.02 : 0.003;
  const double tolerance = fp32 ? 1e-4 : bf16 ? 0.15 : 0.02;
  std::vector<float> embeddings(want.embeddings.size());
  engine->embed(images, embeddings);
  EXPECT_LT(relativeNorm(embeddings, want.embeddings), forward_tolerance);

  // A second pass added to the first makes twice the gradient.
  for (const int times : {1, 2}) {
    const PassStats stats = engine->forwardBackward(images, labels, c.step,
                                                    1 / static_cast<float>(c.batch), times == 2);
    EXPECT_NEAR(stats.head.loss_sum, want.head.loss_sum,
                (fp32 ? 1e-4 : 0.05) * std::max(1.0, want.head.loss_sum));
    std::vector<double> d_head = want.head.dW;
    std::vector<double> d_trunk = want.d_trunk;
    for (double& value : d_head)
      value *= times;
    for (double& value : d_trunk)
      value *= times;
    EXPECT_LT(relativeNorm(valuesOf(*engine, engine->head().parameters), want.head.used_W), 1e-6);
    EXPECT_LT(relativeNorm(valuesOf(*engine, engine->head().gradients), d_head), tolerance);
    const std::vector<double> got = valuesOf(*engine, engine->trunk().gradients);
    for (const Parameter& p : c.network.parameters) {
      EXPECT_LT(relativeNorm(std::span(got).subspan(p.offset, p.count),
                             std::span(d_trunk).subspan(p.offset, p.count)),
                tolerance)
          << p.name;
    }
  }
}

TEST(EnginePass, TellsOfGradientsFromTheHeadOnInOrder) {
  const Case c = cases().at(2);
  const std::unique_ptr<Engine> engine = makeEngineUnderTest(optionsOf(c));
  const std::vector<uint8_t> images = testing::randomImages(c.network, c.batch, 4);
  const std::vector<int32_t> labels(static_cast<size_t>(c.batch));
  const std::span<float> head = engine->head().gradients;
  const std::span<float> trunk = engine->trunk().gradients;
  for (int pass = 0; pass < 4; ++pass) {
    size_t told = 0;
    engine->forwardBackward(images, labels, c.step, 1, false, [&](const GradientRange& range) {
      EXPECT_EQ(range.of_head, told < head.size());
      EXPECT_EQ(range.begin, range.of_head ? told : told - head.size());
      EXPECT_EQ(range.values.data(), (range.of_head ? head : trunk).data() + range.begin);
      told += range.values.size();
    });
    EXPECT_EQ(told, head.size() + trunk.size());
  }
}

TEST(EngineShardTree, AddsInPairs) {
  const Case c = cases().at(2);
  const std::unique_ptr<Engine> engine = makeEngineUnderTest(optionsOf(c));
  const std::unique_ptr<ShardTree> tree = engine->makeShardTree(4);
  // Numbers whose sum depends on the order.
  const std::array<float, 4> shards = {1e8F, 3.0F, -1e8F, 5.0F};
  const std::span<float> trunk = engine->trunk().gradients;
  const std::span<float> head = engine->head().gradients;
  // As backward hands them over.
  const std::array<GradientRange, 3> ranges = {
      {{true, 0, head}, {false, 0, trunk.first(5)}, {false, 5, trunk.subspan(5)}}};
  for (size_t shard = 0; shard < shards.size(); ++shard) {
    setValues(*engine, std::vector<float>(head.size(), shards[shard]), head);
    setValues(*engine, std::vector<float>(trunk.size(), 1), trunk);
    for (const GradientRange& range : ranges)
      EXPECT_EQ(tree->add(shard, range), shard == 3);
  }
  const double want = (1e8F + 3.0F) + (-1e8F + 5.0F);
  EXPECT_EQ(valuesOf(*engine, head), std::vector<double>(head.size(), want));
  EXPECT_EQ(valuesOf(*engine, trunk), std::vector<double>(trunk.size(), 4));
}

TEST(EngineShardTree, OfOneShardIsThatShard) {
  const std::unique_ptr<Engine> engine = makeEngineUnderTest(optionsOf(cases().at(2)));
  const std::span<float> head = engine->head().gradients;
  setValues(*engine, std::vector<float>(head.size(), 7), head);
  EXPECT_TRUE(engine->makeShardTree(1)->add(0, {true, 0, head}));
  EXPECT_EQ(valuesOf(*engine, head), std::vector<double>(head.size(), 7));
}

/// An engine in training, and what comes of it.
class Training {
 public:
  Training(const Case& c, const EngineOptions& options)
      : case_(c), engine_(makeEngineUnderTest(options)) {
    setValues(*engine_, testing::randomParameters(c.network, 3), engine_->trunk().parameters);
    setValues(*engine_, testing::randomFloats(engine_->head().parameters.size(), 5),
              engine_->head().parameters);
  }

  /// The passes [first, end), in twos whose gradients are added, and updates, all with other
  /// images, labels, rules and scales; with `embed`, an embedding after each.
  void run(uint64_t first, uint64_t end, bool embed = false) {
    for (uint64_t number = first; number < end; ++number) {
      const std::vector<uint8_t> images = testing::randomImages(case_.network, case_.batch, number);
      pass(number, images);
      std::vector<float> embeddings(static_cast<size_t>(case_.batch) *
                                    static_cast<size_t>(case_.network.embedding));
      if (embed) engine_->embed(images, embeddings);
    }
  }

  /// What a checkpoint has.
  using State = std::array<std::vector<double>, 4>;
  State state() const {
    const Arena trunk = engine_->trunk();
    const Arena head = engine_->head();
    return {valuesOf(*engine_, trunk.parameters), valuesOf(*engine_, trunk.momentum),
            valuesOf(*engine_, head.parameters), valuesOf(*engine_, head.momentum)};
  }
  void setState(const State& state) {
    const Arena trunk = engine_->trunk();
    const Arena head = engine_->head();
    size_t next = 0;
    for (const std::span<float> to :
         {trunk.parameters, trunk.momentum, head.parameters, head.momentum}) {
      const std::vector<double>& from = state.at(next++);
      setValues(*engine_, std::vector<float>(from.begin(), from.end()), to);
    }
  }
  const std::vector<double>& losses() const { return losses_; }

 private:
  void pass(uint64_t number, const std::vector<uint8_t>& images) {
    std::vector<int32_t> labels(static_cast<size_t>(case_.batch));
    for (size_t i = 0; i < labels.size(); ++i)
      labels[i] = static_cast<int32_t>((i + number) % static_cast<size_t>(case_.classes));
    HeadStep step = case_.step;
    const auto n = static_cast<double>(number);
    step.lambda += n;
    const float scale = 0.1F + 0.01F * static_cast<float>(number);
    const bool second = number % 2 == 1;
    losses_.push_back(engine_->forwardBackward(images, labels, step, scale, second).head.loss_sum);
    if (second) engine_->update({0.01 / n, 0.9 - 0.01 * n, 0.1 / n, 0.5 / n});
  }

  const Case& case_;
  std::unique_ptr<Engine> engine_;
  std::vector<double> losses_;
};

/// What a GPU does again and again it may have recorded.
TEST(EnginePass, RepeatedPassesTakeTheirOwnInputs) {
  for (const bool streaming : {false, true}) {
    const Case c = cases().at(2);
    EngineOptions options = optionsOf(c);
    options.head.streaming = streaming;
    options.head.mhe_weight = 0.1;
    options.cuda_graphs = false;
    Training want(c, options);
    want.run(0, 8);
    options.cuda_graphs = true;
    Training got(c, options);
    got.run(0, 8, true);
    EXPECT_EQ(got.losses(), want.losses());
    EXPECT_EQ(got.state(), want.state());
  }
}

TEST(EnginePass, TrainingThatGoesOnFromAStateHasTheBitsOfTheWhole) {
  for (const Precision precision : testing::precisionsUnderTest()) {
    const Case c = cases().at(1);
    EngineOptions options = optionsOf(c);
    options.precision = precision;
    Training whole(c, options);
    whole.run(0, 8);
    Training first(c, options);
    first.run(0, 4);
    Training second(c, options);
    second.setState(first.state());
    second.run(4, 8);
    EXPECT_EQ(second.state(), whole.state());
  }
}

TEST(EnginePass, AnnouncedImagesAreThoseOfTheirPass) {
  const Case c = cases().at(2);
  const std::unique_ptr<Engine> engine = makeEngineUnderTest(optionsOf(c));
  setValues(*engine, testing::randomParameters(c.network, 3), engine->trunk().parameters);
  setValues(*engine,
            testing::randomFloats(
                static_cast<size_t>(c.classes) * static_cast<size_t>(c.network.embedding), 5),
            engine->head().parameters);
  std::vector<std::vector<uint8_t>> batches;
  for (uint64_t seed = 0; seed < 3; ++seed)
    batches.push_back(testing::randomImages(c.network, c.batch, seed));
  const std::vector<int32_t> labels(static_cast<size_t>(c.batch));
  auto loss = [&](size_t batch) {
    return engine->forwardBackward(batches[batch], labels, c.step, 1, false).head.loss_sum;
  };
  std::vector<double> want;
  for (size_t batch = 0; batch < batches.size(); ++batch)
    want.push_back(loss(batch));
  // In turn; then another one than was announced; then without.
  for (const auto& [announced, used] : {std::pair(1, 0), std::pair(2, 1), std::pair(0, 2),
                                        std::pair(1, 0), std::pair(1, 2), std::pair(1, 1)}) {
    engine->announce(batches[static_cast<size_t>(announced)]);
    EXPECT_EQ(loss(static_cast<size_t>(used)), want[static_cast<size_t>(used)]);
  }
  EXPECT_EQ(loss(0), want[0]);
  EXPECT_EQ(loss(2), want[2]);
}

TEST(EnginePass, RefusesTheWrongNumberOfImages) {
  const Case c = cases().at(0);
  const std::unique_ptr<Engine> engine = makeEngineUnderTest(optionsOf(c));
  const std::vector<uint8_t> images = testing::randomImages(c.network, 2, 4);
  const std::vector<int32_t> labels(1);
  EXPECT_THROW(engine->forwardBackward(images, labels, c.step, 1, false), Error);
}

INSTANTIATE_TEST_SUITE_P(Cases, EnginePass,
                         ::testing::Combine(::testing::Range(size_t{0}, cases().size()),
                                            ::testing::ValuesIn(testing::precisionsUnderTest())),
                         [](const auto& test) {
                           const Precision precision = std::get<1>(test.param);
                           return std::to_string(std::get<0>(test.param)) +
                                  (precision == Precision::kFp32   ? "Fp32"
                                   : precision == Precision::kTf32 ? "Tf32"
                                                                   : "Bf16");
                         });

}  // namespace
}  // namespace sphereface
