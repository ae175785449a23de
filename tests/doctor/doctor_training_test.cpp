// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What doctor says of a configuration, a checkpoint and the first loss.

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "base/error.h"
#include "base/temporary_folder.h"
#include "doctor/checkpoint_checks.h"
#include "doctor/config_checks.h"
#include "doctor/loss_check.h"
#include "kernels/reference/reference_head.h"
#include "model/checkpoint.h"
#include "model/initialize.h"
#include "model/network_config.h"
#include "model/train_config.h"
#include "tests/doctor/doctor_data.h"
#include "tests/doctor/doctor_support.h"
#include "tests/support/checkpoint_tools.h"

namespace sphereface::doctor {
namespace {

DatasetManifest celebrities() {
  DatasetManifest data;
  data.set_records(6229);
  data.set_classes(299);
  data.set_channels(3);
  data.set_height(112);
  data.set_width(96);
  data.set_alignment_template(kAlignmentTemplate);
  data.set_sha256("abc");
  return data;
}

PlannedRun smallRun() {
  PlannedRun run;
  run.config.mutable_network()->set_name("sphereface-4");
  SolverConfig& solver = *run.config.mutable_solver();
  solver.set_batch_size(64);
  solver.set_steps(2000);
  solver.set_base_learning_rate(0.05);
  run.records = 6229;
  run.classes = 299;
  run.workers = 2;
  return run;
}

TEST(DoctorConfig, TheDataSetMustFitTheNetwork) {
  DatasetManifest data = celebrities();
  TrainConfig config = smallRun().config;
  expectFinding(datasetFinding(data), State::kOk, "6229 records of 299 classes, 112x96 BGR");
  expectFinding(shapeFinding(data, config), State::kOk, "takes 112x96 BGR images");
  config.mutable_network()->set_width(112);
  expectFinding(shapeFinding(data, config), State::kFail, "the network wants 112x112",
                "network { height: 112 width: 96 }");
  config.mutable_network()->set_width(96);
  data.set_normalization_mean(128);
  expectFinding(shapeFinding(data, config), State::kFail, "asks for (byte - 128)",
                "sphereface pack");
  data = celebrities();
  data.set_color_order(DatasetManifest::RGB);
  expectFinding(shapeFinding(data, config), State::kFail, "only 3-channel BGR", "B, G, R");
  data.set_alignment_template("unknown");
  expectFinding(datasetFinding(data), State::kWarn, "can't be told", "--alignment NAME");
}

TEST(DoctorConfig, BatchAndRateAreComparedWithTheDataAndTheRecipe) {
  PlannedRun run = smallRun();
  auto finding = [&] { return batchFinding(run, runLength(run.config.solver(), run.records)); };
  expectFinding(finding(), State::kOk, "rate 0.05 is 4 times the published 0.1 at 512 images");
  run.config.mutable_solver()->set_batch_size(8);
  expectFinding(finding(), State::kWarn, "32 times", "solver.base_learning_rate: 0.0063");
  run.config.mutable_solver()->set_iter_size(8);
  expectFinding(finding(), State::kOk, "64 images a step");
  run.workers = 9;
  expectFinding(finding(), State::kFail, "9 workers can't share a batch of 8", "--workers 8");
  run = smallRun();
  run.records = 50;
  expectFinding(finding(), State::kWarn, "images twice", "solver.batch_size: 5");
}

TEST(DoctorConfig, ScaleAndMarginAreComparedWithTheClasses) {
  HeadConfig head;
  const RunLength large = {28000, 512, 455594};
  const RunLength small = {2000, 64, 6229};
  expectFinding(headFinding(head, 10572, small), State::kOk, "A_SOFTMAX, margin 4");
  head.set_type(HeadConfig::NORMFACE);
  expectFinding(headFinding(head, 10572, small), State::kOk, "NORMFACE, margin 1, scale 30");
  head.set_scale(4);
  // ln(1 + 10571 e^-4) = 5.27
  expectFinding(headFinding(head, 10572, small), State::kWarn, "would be 5.27", "head.scale: 14");
  head.set_scale(14);
  EXPECT_EQ(headFinding(head, 10572, small).state, State::kOk) << "the fix helps";
  head.set_type(HeadConfig::COSFACE);
  head.set_scale(30);
  expectFinding(headFinding(head, 10572, large), State::kOk, "margin 0.35");
  expectFinding(headFinding(head, 299, small), State::kWarn, "on 6229 images",
                "head.margin_warmup_steps: 500");
  head.set_margin_warmup_steps(500);
  EXPECT_EQ(headFinding(head, 299, small).state, State::kOk);
}

TEST(DoctorConfig, ThePlansWarningsComeWithTheirFixes) {
  PlannedRun run = smallRun();
  run.host_memory = std::numeric_limits<size_t>::max();
  std::vector<Finding> findings = planFindings(forecastRun(run));
  ASSERT_EQ(findings.size(), 1U);
  expectFinding(findings[0], State::kOk, "2000 steps; learning rate 0.05");
  run.config.mutable_solver()->set_batch_size(65);
  run.config.mutable_solver()->set_steps(400);
  findings = planFindings(forecastRun(run));
  ASSERT_EQ(findings.size(), 2U);
  expectFinding(findings[0], State::kWarn, "isn't divisible by 2", "solver.batch_size: 66");
  expectFinding(findings[1], State::kWarn, "never reaches", "head.lambda.gamma: 0.99");
  // Each fix, followed, leaves nothing to warn of.
  run.config.mutable_solver()->set_batch_size(66);
  run.config.mutable_head()->mutable_lambda()->set_gamma(0.99);
  EXPECT_EQ(planFindings(forecastRun(run))[0].state, State::kOk);
}

/// A checkpoint of a small network, written as training writes it.
class DoctorCheckpoint : public ::testing::Test {
 protected:
  void SetUp() override {
    NetworkConfig& config = *manifest_.mutable_config()->mutable_network();
    config.set_name("custom");
    config.set_embedding(32);
    config.add_stage()->set_channels(16);
    const DatasetManifest data = celebrities();
    manifest_.set_step(10);
    manifest_.set_forward_passes(10);
    manifest_.set_classes(data.classes());
    manifest_.set_color_order("BGR");
    manifest_.set_alignment_template(data.alignment_template());
    manifest_.set_normalization_mean(data.normalization_mean());
    manifest_.set_normalization_scale(data.normalization_scale());
    manifest_.set_dataset_sha256(data.sha256());
    EngineOptions options;
    options.network = buildNetwork(config);
    options.classes = static_cast<int>(data.classes());
    options.batch = 1;
    const std::unique_ptr<Engine> engine = makeEngine(Device::kCpu, options);
    initializeTrunk(options.network, 1, engine->trunk().parameters);
    initializeHead(0, options.classes, 32, 1, engine->head().parameters);
    engine->trunk().momentum[3] = trouble_;
    manifest_ = testing::writeCheckpoint(*engine, options.network, manifest_, checkpoint_);
  }

  float trouble_ = 0;
  const TemporaryFolder folder_;
  const std::filesystem::path checkpoint_ = folder_ / "step-00000010";
  CheckpointManifest manifest_;
};

class DoctorBadCheckpoint : public DoctorCheckpoint {
 protected:
  DoctorBadCheckpoint() { trouble_ = std::numeric_limits<float>::quiet_NaN(); }
};

TEST_F(DoctorCheckpoint, AGoodOneFits) {
  expectFinding(checkpointFinding(checkpoint_, manifest_), State::kOk, "all numbers are finite");
  expectFinding(checkpointDataFinding(manifest_, celebrities(), Purpose::kAny), State::kOk,
                "trained on this data set");
  expectFinding(checkpointNetworkFinding(manifest_, manifest_.config().network()), State::kOk,
                "custom, 112x96");
}

TEST_F(DoctorCheckpoint, DamageIsFound) {
  std::string bytes = readFile(checkpoint_ / kParametersFile);
  bytes[100] = static_cast<char>(bytes[100] ^ 1);
  writeFileAtomically(checkpoint_ / kParametersFile, bytes);
  expectFinding(checkpointFinding(checkpoint_, manifest_), State::kFail, "parameters.bin: damaged",
                "an older checkpoint");
}

TEST_F(DoctorBadCheckpoint, NumbersThatAreNotFiniteAreCounted) {
  const Finding finding = checkpointFinding(checkpoint_, manifest_);
  expectFinding(finding, State::kFail, "1 numbers are NaN or infinite", "clip_gradients");
  ASSERT_EQ(finding.examples.size(), 1U);
  EXPECT_TRUE(says(finding.examples[0], "momentum of ")) << finding.examples[0];
}

TEST_F(DoctorCheckpoint, WhatTheDataSetHasOtherwiseIsNamed) {
  DatasetManifest data = celebrities();
  data.set_alignment_template("arcface-112x112");
  data.set_color_order(DatasetManifest::RGB);
  expectFinding(checkpointDataFinding(manifest_, data, Purpose::kAny), State::kFail,
                "colour order BGR of the checkpoint, RGB of the data set; alignment template "
                "sphereface-112x96 of the checkpoint, arcface-112x112 of the data set",
                "sphereface align");
  data = celebrities();
  data.set_normalization_mean(0);
  data.set_width(112);
  expectFinding(checkpointDataFinding(manifest_, data, Purpose::kAny), State::kFail,
                "width 96 of the checkpoint, 112 of the data set; mean 127.5 of the checkpoint, 0");
  data = celebrities();
  data.set_sha256("another");
  expectFinding(checkpointDataFinding(manifest_, data, Purpose::kAny), State::kWarn,
                "trained on another data set", "data.lmdb");
  expectFinding(checkpointDataFinding(manifest_, data, Purpose::kStart), State::kOk,
                "the head starts anew");
  NetworkConfig network = manifest_.config().network();
  network.set_embedding(64);
  expectFinding(checkpointNetworkFinding(manifest_, network), State::kFail, "embedding 64",
                "manifest.textproto");
}

/// Loss of features and weights of random directions, by the reference head.
double simulatedLoss(const HeadOptions& options, const HeadStep& step, int classes, double length) {
  constexpr int kBatch = 300;
  constexpr int kDim = 128;
  Random random(7);
  reference::HeadInput input;
  input.batch = kBatch;
  input.dim = kDim;
  input.classes = classes;
  input.step = step;
  for (int i = 0; i < kBatch; ++i) {
    std::vector<double> x(kDim);
    double squares = 0;
    for (double& value : x) {
      value = random.normal();
      squares += value * value;
    }
    for (const double value : x)
      input.x.push_back(length * value / std::sqrt(squares));
    input.labels.push_back(static_cast<int>(random.below(static_cast<uint64_t>(classes))));
  }
  input.W.resize(static_cast<size_t>(classes) * kDim);
  for (double& value : input.W)
    value = random.normal() / std::sqrt(static_cast<double>(kDim));
  return reference::head(options, input).loss_sum / kBatch;
}

TEST(DoctorLoss, IsExpectedAsItIsOfEveryHead) {
  using Type = HeadOptions::Type;
  constexpr int kClasses = 1000;
  struct Case {
    Type type;
    double margin;
    double lambda;
    double length;
  };
  for (const Case& c : {Case{Type::kSoftmax, 1, 0, 3},
                        {Type::kASoftmax, 4, 1000, 3},
                        {Type::kASoftmax, 4, 5, 20},
                        {Type::kASoftmax, 2, 0, 10},
                        {Type::kASoftmax, 1, 0, 8},
                        {Type::kNormFace, 1, 0, 5},
                        {Type::kCosFace, 0.35, 0, 5},
                        {Type::kArcFace, 0.5, 0, 5},
                        {Type::kSphereFaceR1, 1.5, 0, 5},
                        {Type::kSphereFaceR2, 1.5, 0, 5}}) {
    HeadOptions options;
    options.type = c.type;
    options.scale = 20;
    const HeadStep step = {c.margin, c.lambda};
    const std::vector<double> lengths(300, c.length);
    const ExpectedLoss expected = expectedLoss(options, step, kClasses, 128, lengths);
    const double simulated = simulatedLoss(options, step, kClasses, c.length);
    EXPECT_NEAR(expected.mean, simulated, 4 * expected.spread + 0.02 * simulated)
        << "type " << static_cast<int>(c.type) << " margin " << c.margin;
    EXPECT_LT(expected.spread, 0.2);
  }
}

TEST(DoctorLoss, IsThatOfChanceOrExplained) {
  HeadOptions softmax;
  softmax.type = HeadOptions::Type::kSoftmax;
  const std::vector<double> short_ones(32, 0.1);
  const ExpectedLoss chance = expectedLoss(softmax, {1, 0}, 10572, 512, short_ones);
  EXPECT_NEAR(chance.mean, std::log(10572), 1e-3);
  EXPECT_EQ(chance.margin, 0);
  HeadOptions cosface;
  cosface.type = HeadOptions::Type::kCosFace;
  EXPECT_NEAR(expectedLoss(cosface, {0.35, 0}, 10572, 512, short_ones).margin, 30 * 0.35, 1e-3);
  EXPECT_NEAR(expectedLoss(HeadOptions(), {4, 5}, 10572, 512, std::vector<double>(32, 12)).margin,
              12 * 3.0 / 6, 1e-2);

  FirstLoss loss;
  loss.images = 32;
  loss.classes = 10572;
  loss.expected = chance;
  loss.loss = 9.3;
  loss.mean_length = 0.1;
  expectFinding(lossFinding(loss), State::kOk, "beside ln C = 9.266");
  loss.loss = 12;
  expectFinding(lossFinding(loss), State::kWarn, "unexplained", "worker.precision: FP32");
  loss.trained = true;
  expectFinding(lossFinding(loss), State::kFail, "worse than chance", "same labels");
  loss.loss = 0.4;
  expectFinding(lossFinding(loss), State::kOk, "trained weights");
  loss.zero_features = 2;
  expectFinding(lossFinding(loss), State::kFail, "2 features are 0", "older checkpoint");
  loss.zero_features = 0;
  loss.loss = std::numeric_limits<double>::quiet_NaN();
  expectFinding(lossFinding(loss), State::kFail, "nan", "older checkpoint");
}

TEST(DoctorLoss, IsMeasuredOnTheDataWithTheRunsNetwork) {
  const TemporaryFolder folder;
  const std::vector<testing::FaceRecord> records = testing::paintedFaces(6, 4);
  writeDataset(folder / "set", records, testing::manifestOf(records, 6));
  const Dataset dataset(folder / "set");
  PlannedRun run = smallRun();
  run.records = records.size();
  run.classes = 6;
  run.config.mutable_head()->set_type(HeadConfig::COSFACE);
  const PlannedRun small = lossRun(run);
  EXPECT_EQ(small.config.solver().batch_size(), 24U) << "no more than there are";
  const DatasetManifest& data = dataset.manifest();
  const size_t plenty = size_t{1} << 40;
  EXPECT_EQ(lossObstacle(small, data, std::nullopt, plenty), "");
  EXPECT_TRUE(says(lossObstacle(small, data, std::nullopt, 1 << 20), "a batch of 24 needs "));
  PlannedRun other = small;
  other.config.mutable_worker()->set_device(WorkerConfig::CUDA);
  EXPECT_TRUE(says(lossObstacle(other, data, std::nullopt, plenty), "device"));
  other = small;
  other.config.mutable_network()->set_width(112);
  EXPECT_TRUE(says(lossObstacle(other, data, std::nullopt, plenty), "don't fit"));
  Weights weights;
  weights.manifest.mutable_config()->mutable_network()->set_name("sphereface-10");
  EXPECT_TRUE(says(lossObstacle(small, data, weights, plenty), "another network"));
  const FirstLoss loss = measureLoss(small, dataset, std::nullopt);
  EXPECT_EQ(loss.images, 24U);
  EXPECT_GT(loss.loss, 10) << "the margin's part";
  expectFinding(lossFinding(loss), State::kOk, "initial weights");
}

}  // namespace
}  // namespace sphereface::doctor
