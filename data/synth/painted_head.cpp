// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <algorithm>
#include <cmath>
#include <numbers>

#include "data/synth/painting.h"

namespace sphereface {
namespace {

Color randomColor(Random& random) {
  const double grey = random.uniform(20, 235);
  Color color;
  for (int c = 0; c < 3; ++c)
    color[c] = static_cast<float>(grey + random.uniform(-60, 60));
  return color;
}

cv::Point2d anywhere(const cv::Size& size, Random& random) {
  return {random.uniform(0, size.width), random.uniform(0, size.height)};
}

/// The head's outline from (-1, y_begin) over the crown to (+1, y_begin), enlarged.
Path crownOutline(const FaceCanvas& canvas, const FaceIdentity& face, double y_begin,
                  double volume) {
  Path path;
  constexpr int kPoints = 28;
  for (int i = 0; i <= kPoints; ++i) {
    // Evenly spaced angles put more points where the outline bends.
    const double angle = std::numbers::pi * i / kPoints;
    const double y = y_begin + (face.crown - y_begin) * std::sin(angle);
    const double side = i < kPoints / 2 ? -1 : 1;
    const double top = std::clamp((y_begin - y) / (y_begin - face.crown), 0.0, 1.0);
    path.push_back(canvas.onOutline(side * (canvas.outlineWidth(y) + volume * (1 - 0.4 * top)),
                                    y - volume * top));
  }
  return path;
}

/// y of the lower edge of the fringe at x.
double hairlineAt(double x, const FaceIdentity& face, const FaceVariation& picture) {
  const double u = x / face.head_width;
  const double apart = u - 0.7 * face.parting;
  const double fringe = std::max(0.0, face.fringe + picture.fringe_shift) *
                        std::min(1.0, 0.35 + 1.4 * std::abs(apart));
  const double wave = face.wave * std::sin(face.wave_count * (u + 1) * 2.5);
  return face.hairline + picture.hairline_shift + face.hairline_curve * u * u + fringe + wave;
}

void paintStrands(FaceCanvas& canvas, const FaceIdentity& face, const FaceVariation& picture) {
  Random strands(face.texture_seed);
  for (int i = 0; i < 16; ++i) {
    const double end = strands.uniform(-0.95, 0.95) * face.head_width;
    const double root = 0.55 * end + 0.35 * face.parting * face.head_width;
    const double bottom = hairlineAt(end, face, picture) - strands.uniform(0, 4);
    const double contrast = face.strand_contrast * (strands.chance(0.5) ? 1 : -0.8);
    Path line;
    for (int k = 0; k <= 6; ++k) {
      const double t = k / 6.0;
      const double x = root + (end - root) * t + 0.6 * face.wave * std::sin(7 * t);
      line.push_back(canvas.onFace(x, face.crown + 3 + (bottom - face.crown - 3) * t * t, 2));
    }
    const Color color = contrast > 0 ? face.hair + (Color::all(255) - face.hair) * (0.6 * contrast)
                                     : face.hair * (1 + contrast);
    canvas.stroke(line, strands.uniform(0.8, 2.2), 0.4, color, 0.55);
  }
}

}  // namespace

void paintBackground(FaceCanvas& canvas, Random& random) {
  cv::Mat& image = canvas.image();
  const Color top = randomColor(random);
  const Color bottom = top * 0.5F + randomColor(random) * 0.5F;
  for (int y = 0; y < image.rows; ++y) {
    const float part = static_cast<float>(y) / static_cast<float>(image.rows - 1);
    const cv::Vec3b color = top * (1 - part) + bottom * part;
    std::fill_n(image.ptr<cv::Vec3b>(y), image.cols, color);
  }
  const size_t things = 2 + random.below(5);
  for (size_t i = 0; i < things; ++i) {
    Path shape;
    const cv::Point2d center = anywhere(image.size(), random);
    const size_t corners = 3 + random.below(6);
    const double radius = random.uniform(15, 90);
    for (size_t k = 0; k < corners; ++k) {
      const double angle =
          2 * std::numbers::pi * static_cast<double>(k) / static_cast<double>(corners);
      const double reach = radius * random.uniform(0.5, 1.3);
      shape.push_back(center + cv::Point2d(reach * std::cos(angle), reach * std::sin(angle)));
    }
    canvas.fill(shape, randomColor(random), random.uniform(0.3, 1));
  }
  const double shoulder = random.uniform(46, 62);
  canvas.fill({canvas.onOutline(-75, 95), canvas.onOutline(-60, shoulder),
               canvas.onOutline(-20, shoulder - 6), canvas.onOutline(20, shoulder - 6),
               canvas.onOutline(60, shoulder), canvas.onOutline(75, 95)},
              randomColor(random));
}

void paintHairBehind(FaceCanvas& canvas, const FaceIdentity& face, const FaceVariation& picture) {
  if (face.bald) return;
  const double volume = std::max(1.0, face.hair_volume + picture.volume_shift);
  Path shape = crownOutline(canvas, face, -10, volume);
  if (face.side_length > -8) {
    const double wide = face.head_width + volume + 0.4 * face.side_width;
    for (const double part : {0.35, 0.7, 1.0}) {
      shape.push_back(
          canvas.onOutline(wide * (1.02 - 0.1 * part), -10 + (face.side_length + 10) * part));
    }
    for (const double part : {1.0, 0.7, 0.35}) {
      shape.push_back(
          canvas.onOutline(-wide * (1.02 - 0.1 * part), -10 + (face.side_length + 10) * part));
    }
  }
  canvas.fill(shape, face.hair * 0.8F);
}

void paintSkin(FaceCanvas& canvas, const FaceIdentity& face, const FaceVariation& picture) {
  const Color skin = face.skin * static_cast<float>(picture.skin_gain);
  const double neck = 0.62 * face.head_width;
  canvas.fill({canvas.onOutline(-neck, 20), canvas.onOutline(neck, 20),
               canvas.onOutline(1.1 * neck, 75), canvas.onOutline(-1.1 * neck, 75)},
              skin * 0.72F);
  for (const double side : {-1.0, 1.0}) {
    Path ear;
    for (int i = 0; i < 14; ++i) {
      const double angle = 2 * std::numbers::pi * i / 14;
      ear.push_back(canvas.onOutline(
          side * (face.head_width + face.ear_angle + 0.5 * face.ear_size * std::cos(angle)),
          -11 + face.ear_size * std::sin(angle)));
    }
    canvas.fill(ear, skin * 0.88F);
  }
  Path head;
  constexpr int kPoints = 30;
  for (const double side : {-1.0, 1.0}) {
    for (int i = 0; i <= kPoints; ++i) {
      const double part = 0.5 - 0.5 * side * std::cos(std::numbers::pi * i / kPoints);
      const double y = face.chin + (face.crown - face.chin) * (1 - part);
      head.push_back(canvas.onOutline(-side * canvas.outlineWidth(y), y));
    }
  }
  canvas.fill(head, skin);

  const Color flush(skin[0] * 0.72F, skin[1] * 0.72F, std::min(255.0F, skin[2] * 1.02F));
  for (const double side : {-1.0, 1.0}) {
    for (const double size : {11.0, 8.0, 5.0}) {
      canvas.disc(side * 22, 4, size, 0.8 * size, flush, 0.4 * face.redness);
    }
    for (const double size : {1.7, 1.4, 1.1}) {
      canvas.disc(side * face.eye_distance / 2, -21, size * face.eye_width, size * 5.5,
                  skin * 0.55F, 0.35 * face.socket);
    }
  }
  for (const SkinMark& mark : face.marks) {
    canvas.disc(mark.x, mark.y, mark.radius, mark.radius, skin * 0.4F, mark.strength);
  }
}

void paintBeard(FaceCanvas& canvas, const FaceIdentity& face) {
  if (face.beard > 0) {
    Path shape;
    constexpr int kPoints = 12;
    for (int i = 0; i <= kPoints; ++i) {
      const double y = face.beard_top - 8 + (face.chin - face.beard_top + 8) * i / kPoints;
      shape.push_back(canvas.onOutline(-canvas.outlineWidth(y), y));
    }
    for (int i = kPoints; i >= 0; --i) {
      const double y = face.beard_top - 8 + (face.chin - face.beard_top + 8) * i / kPoints;
      shape.push_back(canvas.onOutline(canvas.outlineWidth(y), y));
    }
    for (int i = 0; i <= kPoints; ++i) {
      const double u = 1 - 2.0 * i / kPoints;
      const double y = face.beard_top + (face.mouth_y + 4 - face.beard_top) * (1 - u * u);
      shape.push_back(canvas.onFace(0.86 * face.head_width * u, y));
    }
    canvas.fill(shape, face.hair * 0.9F, 0.85 * face.beard);
  }
  if (face.moustache > 0) {
    const double y = face.mouth_y - face.upper_lip - 2;
    Path line;
    for (int i = -4; i <= 4; ++i) {
      const double u = i / 4.0;
      line.push_back(canvas.onFace(1.05 * face.mouth_width * u, y + 3.5 * u * u, 1));
    }
    canvas.stroke(line, 4.5, 1.5, face.hair * 0.9F, 0.85 * face.moustache);
  }
}

void paintHairInFront(FaceCanvas& canvas, const FaceIdentity& face, const FaceVariation& picture) {
  if (face.bald) return;
  const double volume = std::max(1.0, face.hair_volume + picture.volume_shift);
  const double temple = hairlineAt(face.head_width, face, picture);
  Path shape = crownOutline(canvas, face, std::min(temple, -18.0), volume);
  constexpr int kPoints = 24;
  for (int i = 0; i <= kPoints; ++i) {
    const double x = face.head_width * (1 - 2.0 * i / kPoints) * 0.97;
    const double y = std::max(face.crown + 4, hairlineAt(x, face, picture));
    shape.push_back(canvas.onFace(x, y, 1.5));
  }
  canvas.fill(shape, face.hair);
  for (const double side : {-1.0, 1.0}) {
    const double end = std::min(face.side_length, face.chin + 20);
    Path strip;
    for (int i = 0; i <= 10; ++i) {
      const double y = temple - 4 + (end - temple + 4) * i / 10;
      const double wide = std::max(canvas.outlineWidth(y), 0.8 * face.head_width);
      strip.push_back(canvas.onOutline(side * (wide + 0.7 * volume), y));
    }
    for (int i = 10; i >= 0; --i) {
      const double y = temple - 4 + (end - temple + 4) * i / 10;
      const double wide = std::max(canvas.outlineWidth(y), 0.8 * face.head_width);
      const double wave = face.wave * std::sin(face.wave_count * i / 2.0);
      strip.push_back(canvas.onOutline(side * (wide - face.side_width + wave), y));
    }
    if (end > temple) canvas.fill(strip, face.hair * 0.93F);
  }
  paintStrands(canvas, face, picture);
}

}  // namespace sphereface
