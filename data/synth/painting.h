// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// How a procedural face is painted: its large pieces (painted_head.cpp), its features
// (painted_features.cpp), and the picture that is taken of it (camera.cpp).

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

/// Lights the painted head as an ellipsoid, and takes the picture: exposure, colour temperature,
/// contrast, grey, low resolution, blur, noise. Returns kAlignedHeight x kAlignedWidth, 8-bit BGR.
cv::Mat takePicture(FaceCanvas& canvas, const FaceVariation& picture, Random& random);

}  // namespace sphereface
