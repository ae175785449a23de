// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include "data/synth/canvas.h"

namespace sphereface {

/// Lights the painted head as an ellipsoid, and takes the picture: exposure, colour temperature,
/// contrast, grey, low resolution, blur, noise. Returns kAlignedHeight x kAlignedWidth, 8-bit BGR.
cv::Mat takePicture(FaceCanvas& canvas, const FaceVariation& picture, Random& random);

}  // namespace sphereface
