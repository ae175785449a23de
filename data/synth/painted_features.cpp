// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "data/synth/painting.h"

namespace sphereface {
namespace {

constexpr double kEyeY = -20;
/// Points of a lid, a brow, a lip.
constexpr int kPoints = 12;
const std::array kSides = {-1.0, 1.0};

/// Parameter -1 .. 1 of the i-th point.
double parameter(int i) {
  return 2.0 * i / kPoints - 1;
}

Color blend(const Color& a, const Color& b, double part) {
  return a * static_cast<float>(1 - part) + b * static_cast<float>(part);
}

/// A lens around an eye.
Path lens(const FaceCanvas& canvas, double center_x, double half_width, double half_height,
          double exponent) {
  Path path;
  constexpr int kCorners = 28;
  for (int i = 0; i <= kCorners; ++i) {
    const double angle = 2 * std::numbers::pi * i / kCorners;
    const double c = std::cos(angle);
    const double s = std::sin(angle);
    path.push_back(canvas.onFace(
        center_x + half_width * std::copysign(std::pow(std::abs(c), 2 / exponent), c),
        kEyeY + 1 + half_height * std::copysign(std::pow(std::abs(s), 2 / exponent), s), 5));
  }
  return path;
}

void paintEye(FaceCanvas& canvas, const FaceIdentity& face, const FaceVariation& picture,
              double side) {
  const double center = side * face.eye_distance / 2;
  const Color skin = face.skin * static_cast<float>(picture.skin_gain);
  auto lid = [&](double height) {
    Path line;
    for (int i = 0; i <= kPoints; ++i) {
      const double t = parameter(i);
      // The outer corner (t towards `side`) is raised by the tilt.
      line.push_back(canvas.onFace(center + face.eye_width * t,
                                   kEyeY - face.eye_tilt * t * side - height * (1 - t * t)));
    }
    return line;
  };
  const Path upper = lid(face.eye_upper * picture.eye_open);
  const Path lower = lid(-face.eye_lower * std::min(1.0, picture.eye_open));
  Path opening = upper;
  opening.insert(opening.end(), lower.rbegin(), lower.rend());
  canvas.fill(opening, blend(Color(228, 232, 236), skin, 0.12));
  const cv::Mat inside = canvas.coverage(opening);
  const double x = center + picture.gaze_x;
  const double y = kEyeY - 0.5 + picture.gaze_y;
  canvas.disc(x, y, face.iris_radius, face.iris_radius, face.iris * 0.55F, 1, inside);
  canvas.disc(x, y, 0.82 * face.iris_radius, 0.82 * face.iris_radius, face.iris, 1, inside);
  canvas.disc(x, y, 0.42 * face.iris_radius, 0.42 * face.iris_radius, Color(12, 12, 12), 1, inside);
  canvas.disc(x - 1, y - 1.1, 0.6, 0.6, Color(250, 250, 250), 0.9, inside);
  canvas.stroke(upper, face.lash, 0.6 * face.lash, blend(skin * 0.25F, Color(20, 20, 20), 0.5),
                0.9);
  canvas.stroke(lower, 0.3 * face.lash, 0.3, skin * 0.5F, 0.6);
  canvas.stroke(lid(face.eye_upper * std::max(0.5, picture.eye_open) + face.crease), 0.6, 0.2,
                skin * 0.6F, 0.7);
}

}  // namespace

void paintEyes(FaceCanvas& canvas, const FaceIdentity& face, const FaceVariation& picture) {
  for (const double side : kSides)
    paintEye(canvas, face, picture, side);
}

void paintBrows(FaceCanvas& canvas, const FaceIdentity& face, const FaceVariation& picture) {
  for (const double side : kSides) {
    Path line;
    for (int i = 0; i <= kPoints; ++i) {
      const double t = parameter(i);  // -1 at the nose, +1 at the temple
      const double x = side * (face.eye_distance / 2 + 1 + face.brow_length * t);
      const double y = kEyeY - face.brow_height - picture.brow_raise - face.brow_angle * t -
                       face.brow_arch * (1 - (t - 0.3) * (t - 0.3));
      line.push_back(canvas.onFace(x, y, 1));
    }
    canvas.stroke(line, face.brow_thickness + 0.5, 0.5 * face.brow_thickness, face.brow,
                  face.brow_density);
  }
}

void paintNose(FaceCanvas& canvas, const FaceIdentity& face, const FaceVariation& picture) {
  const Color skin = face.skin * static_cast<float>(picture.skin_gain);
  const double tip = face.nose_tip;
  const double bridge_top = kEyeY - 3;
  auto ridge = [&](double part, double offset) {
    const double bend = face.nose_bend * part * part * 3;
    const double lift = 2 + (face.nose_height - 2) * part;
    return canvas.onFace(bend + offset, bridge_top + (tip - bridge_top) * part, lift);
  };
  auto flank = [&](double part, double side) {
    const double half = face.nose_bridge + (face.nose_width - face.nose_bridge) * part * part;
    return canvas.onFace(side * half * 1.15, bridge_top + (tip + 3 - bridge_top) * part, 0);
  };
  // The flank away from the light is darker, and throws a shadow on the cheek.
  const double shade_side = picture.light[0] > 0 ? -1 : 1;
  const double hardness = (1 - picture.ambient) * std::abs(picture.light[0]);
  for (const double side : kSides) {
    Path plane;
    for (int i = 0; i <= 6; ++i)
      plane.push_back(ridge(i / 6.0, 0.35 * side * face.nose_bridge));
    for (int i = 6; i >= 0; --i)
      plane.push_back(flank(i / 6.0, side));
    canvas.fill(plane, skin * 0.6F, 0.13 + (side == shade_side ? 0.55 * hardness : 0));
  }
  if (hardness > 0.2) {
    canvas.fill({ridge(0.5, 0), ridge(1, 0),
                 canvas.onFace(shade_side * (face.nose_width + 9 * hardness), tip + 5),
                 flank(0.6, shade_side)},
                skin * 0.35F, 0.4 * hardness);
  }
  Path back;
  for (int i = 0; i <= 6; ++i)
    back.push_back(ridge(i / 6.0, 0));
  canvas.stroke(back, 1.3, 0.7, blend(skin, Color::all(255), 0.4), 0.35);
  for (const double side : kSides) {
    Path wing;
    for (int i = 0; i <= 6; ++i) {
      const double angle = std::numbers::pi * (-0.35 + i / 6.0);
      wing.push_back(canvas.onFace(side * (face.nose_width - 2.5 + 2.7 * std::cos(angle)),
                                   tip + 0.5 + 3.2 * std::sin(angle), 1.5));
    }
    canvas.stroke(wing, 1.0, 0.3, skin * 0.5F, 0.6);
    Path nostril;
    for (int i = 0; i < 10; ++i) {
      const double angle = 2 * std::numbers::pi * i / 10;
      nostril.push_back(canvas.onFace(side * (0.45 * face.nose_width + 1.9 * std::cos(angle)),
                                      tip + 2.9 + 1.0 * std::sin(angle), 4));
    }
    canvas.fill(nostril, skin * 0.25F, face.nostril);
  }
  canvas.stroke(
      {canvas.onFace(-0.6 * face.nose_width, tip + 3.8, 2), canvas.onFace(0, tip + 4.8, 3),
       canvas.onFace(0.6 * face.nose_width, tip + 3.8, 2)},
      1.2, 0.3, skin * 0.55F, 0.5);
}

void paintMouth(FaceCanvas& canvas, const FaceIdentity& face, const FaceVariation& picture) {
  const double half = face.mouth_width * (1 + 0.12 * picture.smile);
  const double corner = face.mouth_rest - 3 * picture.smile;
  const double open = picture.mouth_open;
  // Offsets from the line between the lips, which bends towards the corners.
  auto edge = [&](auto offset) {
    Path line;
    for (int i = 0; i <= kPoints; ++i) {
      const double t = parameter(i);
      line.push_back(
          canvas.onFace(half * t, face.mouth_y + corner * t * t + offset(t) * (1 - t * t), 2));
    }
    return line;
  };
  const Path top = edge([&](double t) {
    return -face.upper_lip - 0.3 * open + face.cupid_bow * std::exp(-t * t * 30) -
           0.8 * std::exp(-(std::abs(t) - 0.3) * (std::abs(t) - 0.3) * 20);
  });
  const Path inner_top = edge([&](double) { return -0.3 * open; });
  const Path inner_bottom = edge([&](double) { return 0.7 * open + 0.1; });
  const Path bottom = edge([&](double) { return 0.7 * open + face.lower_lip; });
  auto closed = [](Path first, const Path& second) {
    first.insert(first.end(), second.rbegin(), second.rend());
    return first;
  };
  canvas.fill(closed(top, inner_top), face.lips * 0.88F);
  canvas.fill(closed(inner_bottom, bottom), face.lips);
  if (open > 0.3) {
    const Path opening = closed(inner_top, inner_bottom);
    canvas.fill(opening, Color(30, 24, 60));
    const cv::Mat inside = canvas.coverage(opening);
    canvas.fill(closed(inner_top, edge([&](double) { return -0.3 * open + 2.2; })),
                Color(222, 232, 236), 0.95, inside);
  } else {
    canvas.stroke(inner_top, 0.9, 0.7, face.lips * 0.4F, 0.85);
  }
  canvas.stroke({canvas.onFace(-6, face.mouth_y + face.lower_lip + 0.7 * open + 2.5),
                 canvas.onFace(0, face.mouth_y + face.lower_lip + 0.7 * open + 3.3),
                 canvas.onFace(6, face.mouth_y + face.lower_lip + 0.7 * open + 2.5)},
                1.4, 0.2, face.skin * 0.65F, 0.45);
}

void paintAge(FaceCanvas& canvas, const FaceIdentity& face, const FaceVariation& picture) {
  const Color fold = face.skin * static_cast<float>(0.6 * picture.skin_gain);
  const double smile = std::max(0.0, picture.smile);
  for (const double side : kSides) {
    canvas.stroke({canvas.onFace(side * (face.nose_width + 2), face.nose_tip - 1),
                   canvas.onFace(side * (face.mouth_width + 1), face.mouth_y - 8),
                   canvas.onFace(side * (face.mouth_width + 3.5), face.mouth_y)},
                  1.1, 0.2, fold, std::min(0.8, 0.7 * face.age + 0.35 * smile));
    Path bag;
    for (int i = 0; i <= kPoints; ++i) {
      const double t = parameter(i);
      bag.push_back(canvas.onFace(side * face.eye_distance / 2 + 0.9 * face.eye_width * t,
                                  kEyeY + face.eye_lower + 3.5 * (1 - t * t)));
    }
    canvas.stroke(bag, 0.9, 0.2, fold, 0.65 * face.age);
  }
  for (const double y : {-36.0, -40.0}) {
    canvas.stroke({canvas.onFace(-16, y + 1), canvas.onFace(-6, y), canvas.onFace(6, y),
                   canvas.onFace(16, y + 1)},
                  0.8, 0.2, fold, 0.6 * std::max(0.0, face.age - 0.4));
  }
}

void paintGlasses(FaceCanvas& canvas, const FaceIdentity& face) {
  const double center = face.eye_distance / 2 + 0.5;
  for (const double side : kSides) {
    const Path rim = lens(canvas, side * center, face.glasses_width, face.glasses_height,
                          face.glasses_roundness);
    canvas.fill(rim, Color(240, 240, 240), 0.1);
    canvas.stroke(rim, face.glasses_rim, face.glasses_rim, face.glasses_color);
    canvas.stroke({canvas.onFace(side * (center + face.glasses_width), kEyeY, 5),
                   canvas.onOutline(side * (face.head_width + 1), kEyeY + 2)},
                  0.8 * face.glasses_rim, 0.8 * face.glasses_rim, face.glasses_color);
  }
  const double inner = std::max(1.0, center - face.glasses_width);
  canvas.stroke({canvas.onFace(-inner, kEyeY, 5), canvas.onFace(0, kEyeY - 1.5, 7),
                 canvas.onFace(inner, kEyeY, 5)},
                face.glasses_rim, face.glasses_rim, face.glasses_color);
}

void paintSunglasses(FaceCanvas& canvas, const FaceIdentity& face, Random& random) {
  const double center = face.eye_distance / 2 + 1;
  const double exponent = random.uniform(2, 5);
  const double half_width = random.uniform(14, 17);
  const double half_height = random.uniform(9, 13);
  const Color color = Color::all(static_cast<float>(random.uniform(8, 50)));
  for (const double side : kSides) {
    canvas.fill(lens(canvas, side * center, half_width, half_height, exponent), color, 0.95);
    canvas.stroke({canvas.onFace(side * (center + half_width - 2), kEyeY - 2, 5),
                   canvas.onOutline(side * (face.head_width + 1), kEyeY)},
                  1.8, 1.8, color);
  }
  canvas.stroke({canvas.onFace(-5, kEyeY - 2, 6), canvas.onFace(5, kEyeY - 2, 6)}, 2, 2, color);
}

}  // namespace sphereface
