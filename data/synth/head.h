// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The large pieces of a procedural face, painted in this order.

#pragma once

#include "data/synth/canvas.h"

namespace sphereface {

/// Wall, blurred things, shoulders.
void paintBackground(FaceCanvas& canvas, Random& random);
void paintHairBehind(FaceCanvas& canvas, const FaceIdentity& face, const FaceVariation& picture);
/// Neck, ears and the bare skin of the face.
void paintSkin(FaceCanvas& canvas, const FaceIdentity& face, const FaceVariation& picture);
void paintBeard(FaceCanvas& canvas, const FaceIdentity& face);
/// Hair on the forehead and the sides.
void paintHairInFront(FaceCanvas& canvas, const FaceIdentity& face, const FaceVariation& picture);

}  // namespace sphereface
