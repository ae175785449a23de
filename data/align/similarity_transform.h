// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <opencv2/core.hpp>
#include <span>

namespace sphereface {

/// The similarity transform (rotation, uniform scale, shift, and a reflection if that fits better)
/// that takes points of `target` back to `source`, as a 2x3 matrix for row counts from 0.
///
/// It is Matlab's cp2tform(source, target, 'similarity') inverted: least squares for
/// u = a x + b y + c, v = a y - b x + d with (x, y) in target and (u, v) in source, so the error is
/// minimised in source pixels; the reflected solution (x of target negated) is taken when its
/// residual in target pixels is smaller.
///
/// requires: as many points in both, at least 2, not all the same. errors: Error otherwise.
cv::Matx23d targetToSource(std::span<const cv::Point2d> source,
                           std::span<const cv::Point2d> target);

}  // namespace sphereface
