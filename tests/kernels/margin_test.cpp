// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/margin.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>

#include "kernels/fractional_cosine.h"

namespace sphereface {
namespace {

constexpr double kPi = std::numbers::pi;

/// Checks a margin function against its definition by angles, and its slope against differences.
void expectDefinition(const std::function<MarginValue<double>(double)>& margin,
                      const std::function<double(double)>& definition) {
  for (int step = 1; step < 1000; ++step) {
    const double theta = kPi * step / 1000;
    EXPECT_NEAR(margin(std::cos(theta)).psi, definition(theta), 1e-11) << "theta " << theta;
  }
  for (int step = 1; step < 1000; ++step) {
    const double c = -1 + 0.002 * step + 0.0007;
    const double h = 1e-6;
    const double slope = (margin(c + h).psi - margin(c - h).psi) / (2 * h);
    EXPECT_NEAR(margin(c).derivative, slope, 2e-4) << "c " << c;
  }
}

TEST(Margin, SphereFollowsItsDefinition) {
  for (int m = 1; m <= 4; ++m) {
    SCOPED_TRACE(m);
    expectDefinition([m](double c) { return sphereMargin(m, c); },
                     [m](double theta) {
                       const int k = std::min(static_cast<int>(m * theta / kPi), m - 1);
                       return (k % 2 == 0 ? 1 : -1) * std::cos(m * theta) - 2 * k;
                     });
  }
}

TEST(Margin, CosFaceFollowsItsDefinition) {
  expectDefinition([](double c) { return cosFaceMargin(0.35, c); },
                   [](double theta) { return std::cos(theta) - 0.35; });
}

TEST(Margin, ArcFaceFollowsItsDefinition) {
  // Angles at which the two branches meet are not among those tried: the slope jumps there.
  for (const double m : {0.0, 0.1, 0.5, 1.2}) {
    SCOPED_TRACE(m);
    expectDefinition([m](double c) { return arcFaceMargin(m, c); },
                     [m](double theta) {
                       return theta + m < kPi ? std::cos(theta + m)
                                              : std::cos(theta) - m * std::sin(kPi - m);
                     });
  }
}

TEST(Margin, SphereFaceRFollowsItsDefinition) {
  for (const double m : {1.0, 1.4, 1.5, 2.7, 4.0}) {
    SCOPED_TRACE(m);
    expectDefinition([m](double c) { return clippedSphereMargin(m, c); },
                     [m](double theta) { return std::cos(std::min(m * theta, kPi)); });
    expectDefinition([m](double c) { return fractionalCosine(m, c); },
                     [m](double theta) { return std::cos(theta / m); });
  }
}

/// At cos(theta) = +-1 and a rounding beyond: values are the ends', slopes finite and right where a
/// limit exists.
TEST(Margin, TheEndsAreFiniteAndRight) {
  using Type = HeadOptions::Type;
  for (const float beyond : {0.0F, 1.2e-7F, 3e-7F, -6e-8F}) {
    for (const float sign : {1.0F, -1.0F}) {
      const float c = sign * (1 + beyond);
      for (const Type type : {Type::kASoftmax, Type::kSoftmax, Type::kNormFace, Type::kCosFace,
                              Type::kArcFace, Type::kSphereFaceR1, Type::kSphereFaceR2}) {
        const double m = type == Type::kASoftmax ? 4 : type == Type::kArcFace ? 0.5 : 1.5;
        const MarginValue<float> margin = targetMargin(type, m, c);
        EXPECT_TRUE(std::isfinite(margin.psi) && std::isfinite(margin.derivative)) << c;
      }
      EXPECT_NEAR(clippedSphereMargin(1.5F, c).psi, sign, 1e-6);
      const MarginValue<float> part = fractionalCosine(1.5F, c);
      const MarginValue<float> fast = fractionalCosine(fitFractionalCosine(1.5), c);
      const double end = sign > 0 ? 1 : std::cos(kPi / 1.5);
      EXPECT_NEAR(part.psi, end, 4e-4);
      EXPECT_NEAR(fast.psi, end, 4e-4);
      EXPECT_TRUE(std::isfinite(part.derivative) && std::isfinite(fast.derivative));
    }
    EXPECT_NEAR(clippedSphereMargin(1.5F, 1 + beyond).derivative, 2.25, 1e-5);
    EXPECT_NEAR(fractionalCosine(1.5F, 1 + beyond).derivative, 1 / 2.25, 1e-6);
    EXPECT_NEAR(fractionalCosine(fitFractionalCosine(1.5), 1 + beyond).derivative, 1 / 2.25, 2e-6);
  }
}

TEST(Margin, FractionalCosineByPolynomialEqualsTheDefinition) {
  for (const double m : {1.0, 1.1, 1.4, 1.5, 2.0, 3.0, 4.0, 9.5}) {
    const FractionalCosine fit = fitFractionalCosine(m);
    double worst = 0;
    double worst_slope = 0;
    for (int step = 0; step <= 20000; ++step) {
      const auto c = static_cast<float>(-1 + step * 1e-4);
      const MarginValue<float> fast = fractionalCosine(fit, c);
      const MarginValue<double> want = fractionalCosine(m, static_cast<double>(c));
      worst = std::max(worst, std::abs(fast.psi - want.psi));
      if (c < -0.9999F) continue;  // the slope grows without bound towards -1
      worst_slope =
          std::max(worst_slope, std::abs(fast.derivative - want.derivative) / want.derivative);
    }
    EXPECT_LT(worst, 3e-7) << "m " << m;
    EXPECT_LT(worst_slope, 2e-5) << "m " << m;
  }
}

}  // namespace
}  // namespace sphereface
