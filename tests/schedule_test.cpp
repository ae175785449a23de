// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "worker/schedule.h"

#include <gtest/gtest.h>

namespace sphereface {
namespace {

TEST(Lambda, FollowsThePublishedSchedule) {
  const HeadConfig::Lambda published;
  EXPECT_NEAR(lambdaAt(published, 1), 892.857117, 1e-4);
  EXPECT_NEAR(lambdaAt(published, 2), 806.451599, 1e-4);
  EXPECT_NEAR(lambdaAt(published, 100), 76.9230804, 1e-5);
  EXPECT_GT(lambdaAt(published, 1658), 5);
  EXPECT_EQ(lambdaAt(published, 1659), 5);
  HeadConfig::Lambda continued;
  continued.set_start(99);
  EXPECT_EQ(lambdaAt(continued, 1), lambdaAt(published, 100));
}

TEST(HeadStep, AnAngularMarginRisesToItsValue) {
  HeadConfig head;
  head.set_margin_warmup_steps(10);
  head.set_type(HeadConfig::COSFACE);
  head.set_margin(0.3);
  EXPECT_EQ(headStepAt(head, 0, 1).margin, 0);
  EXPECT_DOUBLE_EQ(headStepAt(head, 5, 6).margin, 0.15);
  EXPECT_EQ(headStepAt(head, 10, 11).margin, 0.3);
  EXPECT_EQ(headStepAt(head, 11, 12).lambda, 0);
  head.set_type(HeadConfig::SPHEREFACE_R_V2);
  head.set_margin(2);
  EXPECT_EQ(headStepAt(head, 0, 1).margin, 1);
  EXPECT_DOUBLE_EQ(headStepAt(head, 5, 6).margin, 1.5);
}

TEST(HeadStep, ASoftmaxIsAnnealedByLambda) {
  const HeadConfig head;
  EXPECT_EQ(headStepAt(head, 0, 1).margin, 4);
  EXPECT_EQ(headStepAt(head, 0, 1).lambda, lambdaAt(head.lambda(), 1));
}

TEST(LearningRate, MultistepDropsAtTheStepItself) {
  SolverConfig solver;
  solver.set_steps(10);
  solver.set_base_learning_rate(0.05);
  solver.set_policy(SolverConfig::MULTISTEP);
  solver.add_step_value(2);
  solver.add_step_value(5);
  EXPECT_DOUBLE_EQ(learningRate(solver, 1), 0.05);
  EXPECT_DOUBLE_EQ(learningRate(solver, 2), 0.005);
  EXPECT_DOUBLE_EQ(learningRate(solver, 5), 0.0005);
}

TEST(LearningRate, WarmsUpThenFallsAsACosineToZero) {
  SolverConfig solver;
  solver.set_steps(110);
  solver.set_base_learning_rate(1);
  solver.set_policy(SolverConfig::COSINE);
  solver.set_warmup_steps(10);
  EXPECT_DOUBLE_EQ(learningRate(solver, 0), 0.1);
  EXPECT_DOUBLE_EQ(learningRate(solver, 9), 1);
  EXPECT_DOUBLE_EQ(learningRate(solver, 10), 1);
  EXPECT_NEAR(learningRate(solver, 60), 0.5, 1e-12);
  EXPECT_LT(learningRate(solver, 109), 1e-3);
}

}  // namespace
}  // namespace sphereface
