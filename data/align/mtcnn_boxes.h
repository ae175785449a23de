// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Box arithmetic of the published MTCNN code (kpzhang93/MTCNN_face_detection_alignment, MTCNNv1).
// Coordinates are Matlab's: counted from 1, both corners belong to the box, single precision.

#pragma once

#include <array>
#include <cstddef>
#include <vector>

namespace sphereface {

struct MtcnnBox {
  float x1 = 0;
  float y1 = 0;
  float x2 = 0;
  float y2 = 0;
  float score = 0;
  /// Corrections of x1, y1, x2, y2 in units of the box's width and height.
  std::array<float, 4> regression{};
};

/// What a suppressed box's overlap is measured against.
enum class Overlap {
  kUnion,  // intersection / union
  kMin,    // intersection / smaller area
};

/// Indices of the boxes that survive, best first: a box falls when it overlaps a better surviving
/// one by more than `threshold`. Of equal scores the later box is the better one (Matlab's stable
/// ascending sort, read from the end).
std::vector<size_t> suppressNonMaxima(const std::vector<MtcnnBox>& boxes, float threshold,
                                      Overlap overlap);

/// Applies the corrections. `inclusive` says how wide a box is: x2 - x1 + 1 (after R-Net, O-Net) or
/// x2 - x1 (after P-Net).
void applyRegression(MtcnnBox& box, bool inclusive);

/// Grows the shorter side about the box's centre (rerec).
void makeSquare(MtcnnBox& box);

/// Truncates the corners toward zero (fix).
void truncate(MtcnnBox& box);

/// Factors by which the pyramid shrinks an image of `shorter_side` pixels so that faces from
/// `min_face` pixels on come down to P-Net's 12. Empty for an image smaller than min_face.
std::vector<double> pyramidScales(int shorter_side, int min_face, double factor);

}  // namespace sphereface
