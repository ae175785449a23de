// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The features of a procedural face.

#pragma once

#include "data/synth/canvas.h"

namespace sphereface {

void paintEyes(FaceCanvas& canvas, const FaceIdentity& face, const FaceVariation& picture);
void paintBrows(FaceCanvas& canvas, const FaceIdentity& face, const FaceVariation& picture);
void paintNose(FaceCanvas& canvas, const FaceIdentity& face, const FaceVariation& picture);
void paintMouth(FaceCanvas& canvas, const FaceIdentity& face, const FaceVariation& picture);
/// Folds and bags.
void paintAge(FaceCanvas& canvas, const FaceIdentity& face, const FaceVariation& picture);
/// Rims with clear glass.
void paintGlasses(FaceCanvas& canvas, const FaceIdentity& face);
/// Dark glasses over whatever is there.
void paintSunglasses(FaceCanvas& canvas, const FaceIdentity& face, Random& random);

}  // namespace sphereface
