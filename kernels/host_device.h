// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

// Marks a function that GPU kernels use too.
#ifdef __CUDACC__
#define SPHEREFACE_HOST_DEVICE __host__ __device__
#else
#define SPHEREFACE_HOST_DEVICE
#endif
