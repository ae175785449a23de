// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/synth/render.h"

#include <cmath>
#include <numbers>

#include "base/random.h"
#include "data/synth/painting.h"

namespace sphereface {
namespace {

Color anyColor(Random& random) {
  return {static_cast<float>(random.uniform(0, 255)), static_cast<float>(random.uniform(0, 255)),
          static_cast<float>(random.uniform(0, 255))};
}

/// Over mouth and chin.
void paintScarf(FaceCanvas& canvas, const FaceIdentity& face, Random& random) {
  const double top = random.uniform(6, 14);
  const double wide = face.head_width + 6;
  canvas.fill(
      {canvas.onOutline(-wide, top - 4), canvas.onFace(-16, top, 4), canvas.onFace(0, top + 1, 8),
       canvas.onFace(16, top, 4), canvas.onOutline(wide, top - 4), canvas.onOutline(wide, 80),
       canvas.onOutline(-wide, 80)},
      anyColor(random));
}

/// Over hair and forehead.
void paintHat(FaceCanvas& canvas, const FaceIdentity& face, Random& random) {
  const double brim = random.uniform(-46, -38);
  const double wide = face.head_width + face.hair_volume + 3;
  Path shape = {canvas.onOutline(-wide, brim), canvas.onOutline(-wide, -95),
                canvas.onOutline(wide, -95), canvas.onOutline(wide, brim)};
  for (int i = 4; i >= -4; --i) {
    const double u = i / 4.0;
    shape.push_back(canvas.onFace(0.9 * face.head_width * u, brim + 3 * (1 - u * u), 3));
  }
  const Color color = anyColor(random);
  canvas.fill(shape, color);
  canvas.stroke(
      {canvas.onOutline(-wide, brim), canvas.onFace(0, brim + 3, 3), canvas.onOutline(wide, brim)},
      2.5, 2, color * 0.7F);
}

/// Something between camera and face.
void paintPatch(FaceCanvas& canvas, Random& random) {
  const cv::Size size = canvas.image().size();
  const cv::Point2d center{random.uniform(0, size.width), random.uniform(0, size.height)};
  const cv::Size2d half{random.uniform(12, 48), random.uniform(12, 48)};
  const double turn = random.uniform(0, std::numbers::pi);
  const size_t corners = random.chance(0.5) ? 4 : 14;
  Path shape;
  for (size_t i = 0; i < corners; ++i) {
    const double angle =
        2 * std::numbers::pi * (static_cast<double>(i) + 0.5) / static_cast<double>(corners);
    const cv::Point2d p(half.width * std::cos(angle), half.height * std::sin(angle));
    shape.push_back(center + cv::Point2d(p.x * std::cos(turn) - p.y * std::sin(turn),
                                         p.x * std::sin(turn) + p.y * std::cos(turn)));
  }
  canvas.fill(shape, anyColor(random));
}

}  // namespace

cv::Mat renderFace(const FaceIdentity& face, const FaceVariation& picture) {
  Random random(picture.scene_seed);
  FaceCanvas canvas(face, picture, random);
  paintBackground(canvas, random);
  canvas.startHead();
  paintHairBehind(canvas, face, picture);
  paintSkin(canvas, face, picture);
  paintAge(canvas, face, picture);
  paintBeard(canvas, face);
  paintMouth(canvas, face, picture);
  paintEyes(canvas, face, picture);
  paintBrows(canvas, face, picture);
  paintNose(canvas, face, picture);
  paintHairInFront(canvas, face, picture);
  if (picture.sunglasses) {
    paintSunglasses(canvas, face, random);
  } else if (face.glasses && !picture.glasses_off) {
    paintGlasses(canvas, face);
  }
  if (picture.scarf) paintScarf(canvas, face, random);
  if (picture.hat) paintHat(canvas, face, random);
  canvas.endHead();
  if (picture.patch) paintPatch(canvas, random);
  return takePicture(canvas, picture, random);
}

}  // namespace sphereface
