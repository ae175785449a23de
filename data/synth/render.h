// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include "data/synth/identity.h"
#include "data/synth/variation.h"

namespace sphereface {

/// An aligned 8-bit BGR picture of the face, kAlignedHeight x kAlignedWidth. The same arguments
/// give the same picture.
cv::Mat renderFace(const FaceIdentity& face, const FaceVariation& picture);

}  // namespace sphereface
