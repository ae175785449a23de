// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// cos(theta / m) of c = cos(theta) without trigonometry, for SphereFace-R v2, which needs it of
// every logit. With t = cos(theta/2) = sqrt((1+c)/2) it is cos((2/m) acos t), which for t in [0,1]
// has its nearest singularity at t = -1; interpolated at kTerms Chebyshev nodes it converges like
// 5.8^-kTerms, for the value to fp32 rounding.

#pragma once

#include "kernels/margin.h"

namespace sphereface {

struct FractionalCosine {
  static constexpr int kTerms = 13;

  // Of the powers of 2 t - 1.
  float coefficients[kTerms] = {};
};

/// requires: m >= 1.
inline FractionalCosine fitFractionalCosine(double m) {
  constexpr int kTerms = FractionalCosine::kTerms;
  constexpr double kPi = 3.14159265358979323846;
  double powers[kTerms] = {};
  // T_n in powers: T_0 = 1, T_1 = v, T_{n+1} = 2 v T_n - T_{n-1}.
  double chebyshev[kTerms] = {1};
  double previous[kTerms] = {};
  for (int n = 0; n < kTerms; ++n) {
    double sum = 0;
    for (int k = 0; k < kTerms; ++k) {
      const double angle = kPi * (k + 0.5) / kTerms;
      sum += std::cos(2 / m * std::acos(0.5 * (std::cos(angle) + 1))) * std::cos(n * angle);
    }
    for (int k = 0; k <= n; ++k)
      powers[k] += (n == 0 ? 1 : 2) * sum / kTerms * chebyshev[k];
    for (int k = kTerms - 1; k >= 0; --k) {
      const double next = (n == 0 ? 1 : 2) * (k > 0 ? chebyshev[k - 1] : 0) - previous[k];
      previous[k] = chebyshev[k];
      // Going down, chebyshev[k - 1] above is still T_n's.
      chebyshev[k] = next;
    }
  }
  FractionalCosine fit;
  for (int k = 0; k < kTerms; ++k)
    fit.coefficients[k] = static_cast<float>(powers[k]);
  return fit;
}

SPHEREFACE_HOST_DEVICE inline MarginValue<float> fractionalCosine(const FractionalCosine& fit,
                                                                  float c) {
  // sin(theta) >= the rounding of kernels/margin.h, as a bound of t.
  constexpr float kSmallest = 1.7263349e-4F;
  const float square = 0.5F * (1 + c);
  const float t = std::sqrt(square > 0 ? square : 0);
  const float v = 2 * t - 1;
  float value = fit.coefficients[FractionalCosine::kTerms - 1];
  float slope = 0;
  for (int k = FractionalCosine::kTerms - 2; k >= 0; --k) {
    slope = slope * v + value;
    value = value * v + fit.coefficients[k];
  }
  return {value, 0.5F * slope / (t > kSmallest ? t : kSmallest)};
}

}  // namespace sphereface
