// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "model/schedule.h"

#include <gtest/gtest.h>

namespace sphereface {
namespace {

TEST(Lambda, FollowsThePublishedSchedule) {
  const HeadConfig::Lambda published;
  EXPECT_NEAR(lambdaAt(published, 1, 512), 892.857117, 1e-4);
  EXPECT_NEAR(lambdaAt(published, 2, 1024), 806.451599, 1e-4);
  EXPECT_NEAR(lambdaAt(published, 100, 51200), 76.9230804, 1e-5);
  EXPECT_GT(lambdaAt(published, 1658, 0), 5);
  EXPECT_EQ(lambdaAt(published, 1659, 0), 5);
  HeadConfig::Lambda continued;
  continued.set_start(99);
  EXPECT_EQ(lambdaAt(continued, 1, 512), lambdaAt(published, 100, 51200));
}

TEST(Lambda, ByImagesKeepsThePublishedScheduleAtAnyBatch) {
  const HeadConfig::Lambda published;
  HeadConfig::Lambda by_images;
  by_images.set_images_per_iteration(512);
  for (const uint64_t n : {1U, 2U, 100U, 1658U, 5000U}) {
    const double want = lambdaAt(published, n, 0);
    EXPECT_EQ(lambdaAt(by_images, n, 512 * n), want);
    EXPECT_EQ(lambdaAt(by_images, 8 * n, 512 * n), want) << "batches of 64";
  }
  EXPECT_NEAR(lambdaAt(by_images, 1, 64), 1000 / (1 + 0.12 / 8), 1e-9);
}

TEST(HeadStep, WarmsTheMarginUpAndHasLambdaForASoftmaxOnly) {
  HeadConfig head;
  EXPECT_EQ(headStepAt(head, 0, 1, 512).margin, 4);
  EXPECT_EQ(headStepAt(head, 99, 100, 51200).lambda, lambdaAt(head.lambda(), 100, 51200));
  head.mutable_lambda()->set_images_per_iteration(512);
  EXPECT_EQ(headStepAt(head, 799, 800, 51200).lambda, lambdaAt(HeadConfig::Lambda(), 100, 0));
  head.set_margin_warmup_steps(10);
  head.set_type(HeadConfig::COSFACE);
  EXPECT_EQ(headStepAt(head, 0, 1, 512).margin, 0);
  EXPECT_DOUBLE_EQ(headStepAt(head, 5, 6, 512).margin, 0.175);
  EXPECT_EQ(headStepAt(head, 10, 11, 512).margin, 0.35);
  EXPECT_EQ(headStepAt(head, 5, 6, 512).lambda, 0);
  head.set_type(HeadConfig::SPHEREFACE_R_V2);
  EXPECT_DOUBLE_EQ(headStepAt(head, 5, 6, 512).margin, 1.25);
}

SolverConfig solverOf(SolverConfig::Policy policy, double base, uint64_t steps) {
  SolverConfig solver;
  solver.set_policy(policy);
  solver.set_base_learning_rate(base);
  solver.set_steps(steps);
  solver.set_batch_size(10);
  return solver;
}

constexpr uint64_t kRecords = 1000;

double rateAt(const SolverConfig& solver, uint64_t step) {
  return learningRate(solver, runLength(solver, kRecords), step);
}

TEST(LearningRate, FixedIsFixed) {
  const SolverConfig solver = solverOf(SolverConfig::FIXED, 0.05, 10);
  EXPECT_EQ(rateAt(solver, 0), 0.05);
  EXPECT_EQ(rateAt(solver, 9), 0.05);
}

TEST(HeadStep, AnAngularMarginRisesToItsValue) {
  HeadConfig head;
  head.set_margin_warmup_steps(10);
  head.set_type(HeadConfig::COSFACE);
  head.set_margin(0.3);
  EXPECT_EQ(headStepAt(head, 0, 1, 0).margin, 0);
  EXPECT_DOUBLE_EQ(headStepAt(head, 5, 6, 0).margin, 0.15);
  EXPECT_EQ(headStepAt(head, 10, 11, 0).margin, 0.3);
  EXPECT_EQ(headStepAt(head, 11, 12, 0).lambda, 0);
  head.set_type(HeadConfig::SPHEREFACE_R_V2);
  head.set_margin(2);
  EXPECT_EQ(headStepAt(head, 0, 1, 0).margin, 1);
  EXPECT_DOUBLE_EQ(headStepAt(head, 5, 6, 0).margin, 1.5);
}

TEST(HeadStep, ASoftmaxIsAnnealedByLambda) {
  const HeadConfig head;
  EXPECT_EQ(headStepAt(head, 0, 1, 0).margin, 4);
  EXPECT_EQ(headStepAt(head, 0, 1, 0).lambda, lambdaAt(head.lambda(), 1, 0));
}

TEST(LearningRate, MultistepDropsAtTheStepItself) {
  SolverConfig solver = solverOf(SolverConfig::MULTISTEP, 0.05, 10);
  solver.add_step_value(2);
  solver.add_step_value(5);
  EXPECT_DOUBLE_EQ(rateAt(solver, 1), 0.05);
  EXPECT_DOUBLE_EQ(rateAt(solver, 2), 0.005);
  EXPECT_DOUBLE_EQ(rateAt(solver, 5), 0.0005);
}

// Caffe's "step": base_lr * gamma ^ (floor(iter / stepsize)).
TEST(LearningRate, StepIsCaffes) {
  SolverConfig solver = solverOf(SolverConfig::STEP, 0.05, 100000);
  solver.set_stepsize(16000);
  solver.set_gamma(0.5);
  for (const auto& [step, rate] : {std::pair(0, 0.05),
                                   {15999, 0.05},
                                   {16000, 0.025},
                                   {31999, 0.025},
                                   {32000, 0.0125},
                                   {99999, 0.00078125}}) {
    EXPECT_DOUBLE_EQ(rateAt(solver, static_cast<uint64_t>(step)), rate) << step;
  }
}

// Caffe's "poly": base_lr * (1 - iter/max_iter) ^ power.
TEST(LearningRate, PolyIsCaffes) {
  SolverConfig solver = solverOf(SolverConfig::POLY, 0.01, 1000);
  solver.set_power(0.9);
  EXPECT_DOUBLE_EQ(rateAt(solver, 0), 0.01);
  EXPECT_NEAR(rateAt(solver, 1), 0.009990999549834914, 1e-15);
  EXPECT_NEAR(rateAt(solver, 500), 0.005358867312681467, 1e-15);
  EXPECT_NEAR(rateAt(solver, 999), 1.9952623149688785e-05, 1e-17);
  EXPECT_EQ(rateAt(solver, 1000), 0);
  solver.set_power(2);
  solver.set_base_learning_rate(0.1);
  EXPECT_NEAR(rateAt(solver, 500), 0.025, 1e-15);
}

TEST(LearningRate, WarmsUpThenFallsAsACosineToZero) {
  SolverConfig solver = solverOf(SolverConfig::COSINE, 1, 110);
  solver.set_warmup(10);
  EXPECT_DOUBLE_EQ(rateAt(solver, 0), 0.1);
  EXPECT_DOUBLE_EQ(rateAt(solver, 9), 1);
  EXPECT_DOUBLE_EQ(rateAt(solver, 10), 1);
  EXPECT_NEAR(rateAt(solver, 60), 0.5, 1e-12);
  EXPECT_LT(rateAt(solver, 109), 1e-3);
}

TEST(LearningRate, WarmUpMultipliesEveryPolicy) {
  for (const auto policy : {SolverConfig::FIXED, SolverConfig::STEP, SolverConfig::MULTISTEP,
                            SolverConfig::POLY, SolverConfig::COSINE}) {
    SolverConfig plain = solverOf(policy, 0.3, 100);
    plain.set_stepsize(3);
    plain.add_step_value(4);
    SolverConfig warm = plain;
    warm.set_warmup(8);
    if (policy == SolverConfig::COSINE) plain.set_policy(SolverConfig::FIXED);
    for (uint64_t step = 0; step < 8; ++step) {
      EXPECT_NEAR(rateAt(warm, step), rateAt(plain, step) * static_cast<double>(step + 1) / 8,
                  1e-12)
          << SolverConfig::Policy_Name(policy) << " step " << step;
    }
    if (policy != SolverConfig::COSINE) {
      EXPECT_EQ(rateAt(warm, 20), rateAt(plain, 20));
    }
  }
}

TEST(LearningRate, IsTheSameInEveryUnit) {
  // 10 images a step, 1000 an epoch: 30 steps are 300 images or 0.3 epochs.
  struct Case {
    SolverConfig::Unit unit;
    double step;
  };
  for (const auto policy : {SolverConfig::STEP, SolverConfig::MULTISTEP, SolverConfig::COSINE}) {
    SolverConfig want = solverOf(policy, 0.1, 200);
    want.set_stepsize(30);
    for (const double value : {30.0, 60.0, 90.0})
      want.add_step_value(value);
    want.set_warmup(7);
    for (const Case& c : {Case{SolverConfig::EPOCHS, 0.01}, {SolverConfig::IMAGES, 10}}) {
      SolverConfig solver = want;
      solver.set_unit(c.unit);
      solver.set_stepsize(30 * c.step);
      for (int i = 0; i < 3; ++i)
        solver.set_step_value(i, want.step_value(i) * c.step);
      solver.set_warmup(7 * c.step);
      for (uint64_t step = 0; step < 200; ++step) {
        EXPECT_NEAR(rateAt(solver, step), rateAt(want, step), 1e-12)
            << SolverConfig::Policy_Name(policy) << " in " << SolverConfig::Unit_Name(c.unit)
            << " at step " << step;
      }
    }
  }
}

TEST(RunLength, CountsEpochsAndImagesInWholeSteps) {
  SolverConfig solver;
  solver.set_batch_size(32);
  solver.set_iter_size(2);
  solver.set_steps(7);
  EXPECT_EQ(runLength(solver, 640).steps, 7U);
  EXPECT_EQ(runLength(solver, 640).images_per_step, 64U);
  EXPECT_EQ(runLength(solver, 640).images(7), 448U);
  EXPECT_DOUBLE_EQ(runLength(solver, 640).epochs(5), 0.5);
  solver.set_epochs(3);
  EXPECT_EQ(runLength(solver, 640).steps, 30U);
  EXPECT_EQ(runLength(solver, 641).steps, 31U) << "rounded up";
  solver.set_epochs(0.3);
  EXPECT_EQ(runLength(solver, 640).steps, 3U);
  solver.set_images(64 * 100);
  EXPECT_EQ(runLength(solver, 640).steps, 100U);
  solver.set_images(64 * 100 + 1);
  EXPECT_EQ(runLength(solver, 640).steps, 101U);
  EXPECT_FALSE(solver.has_steps());
}

}  // namespace
}  // namespace sphereface
