// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The margin functions and their derivatives in cos(theta), in one place for every backend and for
// the tests' double precision. All take c = cos(theta) as it comes, a rounding beyond +-1 included.
//
// d/dc of an angle is -1/sin(theta), without bound at c = +-1, where the gradient it multiplies
// (w - c x/|x|, of length sin(theta)) goes to 0. Where 1 - c^2 is below c's own rounding that
// direction is noise, so sin(theta) in a divisor is taken as no smaller than that.

#pragma once

#include <cmath>

#include "kernels/head.h"
#include "kernels/host_device.h"

namespace sphereface {

template <class Real>
struct MarginValue {
  Real psi;         // the margin function of theta
  Real derivative;  // d psi / d cos(theta)
};

template <class Real>
SPHEREFACE_HOST_DEVICE constexpr Real signOf(Real value) {
  return value > Real(0) ? Real(1) : value < Real(0) ? Real(-1) : Real(0);
}

/// sin(theta), and as a divisor.
template <class Real>
struct Sine {
  Real value;
  Real divisor;
};

template <class Real>
SPHEREFACE_HOST_DEVICE inline Sine<Real> sineOf(Real c) {
  constexpr Real kRounding = sizeof(Real) == 4 ? Real(0x1p-23) : Real(0x1p-52);
  const Real square = (Real(1) - c) * (Real(1) + c);
  return {square > Real(0) ? std::sqrt(square) : Real(0),
          std::sqrt(square > kRounding ? square : kRounding)};
}

/// A-Softmax (SphereFace, CVPR 2017, eq. 7):
///   psi(theta) = (-1)^k cos(m theta) - 2k   for theta in [k pi/m, (k+1) pi/m], k = 0 .. m-1
/// written without trigonometry, as polynomials of c and signs (sgn(0) = 0, which makes psi right
/// at the breakpoints too). requires: m in 1..4.
template <class Real>
SPHEREFACE_HOST_DEVICE constexpr MarginValue<Real> sphereMargin(int m, Real c) {
  const Real c2 = c * c;
  const Real s0 = signOf(c);
  if (m == 1) return {c, Real(1)};
  if (m == 2) return {Real(2) * s0 * c2 - Real(1), Real(4) * s0 * c};
  if (m == 3) {
    const Real s1 = signOf((c < Real(0) ? -c : c) - Real(0.5));
    const Real s2 = s0 * (Real(1) + s1) - Real(2);
    return {s1 * (Real(4) * c2 - Real(3)) * c + s2, s1 * (Real(12) * c2 - Real(3))};
  }
  const Real s3 = s0 * signOf(Real(2) * c2 - Real(1));
  const Real s4 = Real(2) * s0 + s3 - Real(3);
  return {s3 * (Real(8) * c2 * c2 - Real(8) * c2 + Real(1)) + s4,
          s3 * (Real(32) * c2 - Real(16)) * c};
}

/// CosFace, AM-Softmax: cos(theta) - m.
template <class Real>
SPHEREFACE_HOST_DEVICE constexpr MarginValue<Real> cosFaceMargin(Real m, Real c) {
  return {c - m, Real(1)};
}

/// ArcFace: cos(theta + m) while theta + m < pi; beyond, the published fallback
/// cos(theta) - m sin(m), which keeps falling with theta. requires: 0 <= m <= pi/2.
template <class Real>
SPHEREFACE_HOST_DEVICE inline MarginValue<Real> arcFaceMargin(Real m, Real c) {
  const Real cosine = std::cos(m);
  const Real sine = std::sin(m);
  if (c <= -cosine) return {c - m * sine, Real(1)};
  const Sine<Real> theta = sineOf(c);
  return {c * cosine - theta.value * sine, cosine + c * sine / theta.divisor};
}

/// SphereFace-R v1: cos(min(m theta, pi)). requires: m >= 1, not necessarily whole.
template <class Real>
SPHEREFACE_HOST_DEVICE inline MarginValue<Real> clippedSphereMargin(Real m, Real c) {
  if (m == Real(1)) return {c, Real(1)};
  const Sine<Real> sine = sineOf(c);
  const Real angle = m * std::atan2(sine.value, c);
  if (angle >= Real(3.14159265358979323846)) return {Real(-1), Real(0)};
  // At theta = 0 the limit of m sin(m theta) / sin(theta).
  return {std::cos(angle), sine.value < sine.divisor ? m * m : m * std::sin(angle) / sine.divisor};
}

/// SphereFace-R v2, of the other classes: cos(theta / m). requires: m >= 1.
template <class Real>
SPHEREFACE_HOST_DEVICE inline MarginValue<Real> fractionalCosine(Real m, Real c) {
  if (m == Real(1)) return {c, Real(1)};
  const Sine<Real> sine = sineOf(c);
  const Real angle = std::atan2(sine.value, c) / m;
  const bool at_zero = sine.value < sine.divisor && c > Real(0);
  return {std::cos(angle), at_zero ? 1 / (m * m) : std::sin(angle) / (m * sine.divisor)};
}

/// The margin function of the label's angle, by type.
template <class Real>
SPHEREFACE_HOST_DEVICE inline MarginValue<Real> targetMargin(HeadOptions::Type type, double m,
                                                             Real c) {
  switch (type) {
    case HeadOptions::Type::kASoftmax:
      return sphereMargin(static_cast<int>(m), c);
    case HeadOptions::Type::kCosFace:
      return cosFaceMargin(static_cast<Real>(m), c);
    case HeadOptions::Type::kArcFace:
      return arcFaceMargin(static_cast<Real>(m), c);
    case HeadOptions::Type::kSphereFaceR1:
      return clippedSphereMargin(static_cast<Real>(m), c);
    case HeadOptions::Type::kSoftmax:
    case HeadOptions::Type::kNormFace:
    case HeadOptions::Type::kSphereFaceR2:
      break;
  }
  return {c, Real(1)};
}

}  // namespace sphereface
