// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The A-Softmax margin function (SphereFace, CVPR 2017, eq. 7) and its derivative, in one place for
// every backend and for the tests' double precision.
//
//   psi(theta) = (-1)^k cos(m theta) - 2k   for theta in [k pi/m, (k+1) pi/m], k = 0 .. m-1
//
// written without trigonometry, as polynomials of c = cos(theta) and signs (sgn(0) = 0, which makes
// psi right at the breakpoints too).

#pragma once

#ifdef __CUDACC__
#define SPHEREFACE_HOST_DEVICE __host__ __device__
#else
#define SPHEREFACE_HOST_DEVICE
#endif

namespace sphereface {

template <class Real>
struct MarginValue {
  Real psi;         // psi(theta)
  Real derivative;  // d psi / d cos(theta)
};

template <class Real>
SPHEREFACE_HOST_DEVICE constexpr Real signOf(Real value) {
  return value > Real(0) ? Real(1) : value < Real(0) ? Real(-1) : Real(0);
}

/// requires: m in 1..4.
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

}  // namespace sphereface
