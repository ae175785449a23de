// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/synth/identity.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

#include "base/random.h"

namespace sphereface {
namespace {

/// Keeps an identity's numbers apart from those of its pictures, which use the same seed.
constexpr uint64_t kIdentityStream = 0x1d;

Color rgb(float red, float green, float blue) {
  return {blue, green, red};
}

const std::array kSkins = {rgb(255, 226, 204), rgb(244, 200, 165), rgb(224, 172, 128),
                           rgb(188, 128, 88),  rgb(142, 90, 60),   rgb(92, 60, 44)};
const std::array kHairs = {rgb(22, 20, 24),    rgb(52, 36, 28),    rgb(98, 64, 40),
                           rgb(150, 78, 36),   rgb(190, 130, 66),  rgb(222, 190, 130),
                           rgb(214, 210, 206), rgb(140, 138, 138), rgb(70, 66, 66)};
const std::array kIrises = {rgb(48, 30, 20),   rgb(96, 62, 30),   rgb(124, 104, 50),
                            rgb(82, 120, 72),  rgb(84, 140, 170), rgb(72, 104, 168),
                            rgb(130, 140, 150)};

/// A point on the polyline through the colours.
Color between(std::span<const Color> colors, double position) {
  const double scaled = std::clamp(position, 0.0, 1.0) * static_cast<double>(colors.size() - 1);
  const size_t first = std::min(static_cast<size_t>(scaled), colors.size() - 2);
  const auto part = static_cast<float>(scaled - static_cast<double>(first));
  return colors[first] * (1 - part) + colors[first + 1] * part;
}

/// Normal, cut at two standard deviations so that no face falls apart.
double around(Random& random, double mean, double deviation) {
  return mean + deviation * std::clamp(random.normal(), -2.0, 2.0);
}

void drawHead(Random& random, FaceIdentity& face) {
  face.head_width = around(random, 39.5, 2.4);
  face.head_depth = around(random, 40, 3);
  face.crown = around(random, -63, 2.5);
  face.chin = around(random, 43, 3.1);
  face.jaw_width = around(random, 0.78, 0.1);
  face.chin_roundness = around(random, 0.55, 0.16);
  face.cheek = around(random, 0.0, 1.6);
  face.ear_size = around(random, 9.5, 1.8);
  face.ear_angle = around(random, 2.5, 1.4);
  const double tone = random.uniform();
  face.skin = between(kSkins, tone);
  for (int c = 0; c < 3; ++c)
    face.skin[c] *= static_cast<float>(around(random, 1, 0.025));
  face.redness = random.uniform(0, 0.35) * (1 - 0.6 * tone);
  face.age = std::pow(random.uniform(), 1.5);

  const size_t moles = random.below(4);
  for (size_t i = 0; i < moles; ++i) {
    face.marks.push_back({random.uniform(-30, 30), random.uniform(-38, 34),
                          random.uniform(0.7, 1.7), random.uniform(0.5, 0.9)});
  }
  if (random.chance(0.25)) {
    const size_t freckles = 15 + random.below(45);
    for (size_t i = 0; i < freckles; ++i) {
      face.marks.push_back({around(random, 0, 15), around(random, -4, 7), random.uniform(0.35, 0.8),
                            random.uniform(0.2, 0.5)});
    }
  }
}

void drawHair(Random& random, FaceIdentity& face) {
  face.hair = between(kHairs, random.uniform());
  face.bald = random.chance(0.08);
  face.hair_volume = random.uniform(1.5, 11);
  face.hairline = around(random, -47, 4);
  face.hairline_curve = random.uniform(-3, 15);
  face.parting = random.uniform(-1, 1);
  face.fringe = random.chance(0.45) ? random.uniform(4, 19) : random.uniform(0, 3);
  face.side_length = random.chance(0.5) ? random.uniform(-34, -8) : random.uniform(0, 75);
  face.side_width = random.uniform(1.5, 8);
  face.wave = random.chance(0.5) ? random.uniform(0.5, 3.2) : 0.3;
  face.wave_count = random.uniform(3, 12);
  face.strand_contrast = random.uniform(0.1, 0.4);
}

void drawEyes(Random& random, FaceIdentity& face) {
  face.eye_distance = around(random, 35.2, 2.6);
  face.eye_width = around(random, 7.6, 0.95);
  face.eye_upper = around(random, 3.6, 0.95);
  face.eye_lower = around(random, 2.3, 0.5);
  face.eye_tilt = around(random, 0.5, 1.1);
  face.iris_radius = around(random, 3.3, 0.3);
  face.iris = between(kIrises, random.uniform());
  face.lash = random.uniform(0.5, 1.7);
  face.crease = random.uniform(0.8, 4);
  face.socket = random.uniform(0.0, 0.3);

  const auto darker = static_cast<float>(random.uniform(0.5, 1.05));
  face.brow = face.hair * darker;
  face.brow_height = around(random, 9.8, 1.8);
  face.brow_length = around(random, 10.5, 1.5);
  face.brow_thickness = random.uniform(0.7, 3.6);
  face.brow_arch = random.uniform(-0.5, 4);
  face.brow_angle = around(random, 0, 1.3);
  face.brow_density = random.uniform(0.55, 1);
}

void drawNoseAndMouth(Random& random, FaceIdentity& face) {
  face.nose_tip = around(random, 0.5, 1.9);
  face.nose_width = around(random, 7.8, 1.8);
  face.nose_bridge = around(random, 3.2, 0.6);
  face.nose_height = around(random, 12, 2.4);
  face.nostril = random.uniform(0.5, 1.0);
  face.nose_bend = around(random, 0, 0.6);

  face.mouth_y = around(random, 20.5, 1.8);
  face.mouth_width = around(random, 14.4, 2.0);
  face.upper_lip = random.uniform(1.1, 4.8);
  face.lower_lip = random.uniform(1.8, 6.2);
  face.cupid_bow = random.uniform(0, 1.3);
  face.mouth_rest = around(random, 0, 0.7);
  const Color tint = between(std::array{rgb(190, 90, 85), rgb(205, 110, 110), rgb(160, 35, 50)},
                             std::pow(random.uniform(), 1.6));
  const auto painted = static_cast<float>(random.uniform(0.3, 0.85));
  face.lips = tint * painted + face.skin * (0.85F * (1 - painted));
}

void drawBeardAndGlasses(Random& random, FaceIdentity& face) {
  const bool bearded = random.chance(0.3);
  face.beard = bearded ? random.uniform(0.15, 0.95) : 0;
  face.beard_top = random.uniform(2, 22);
  face.moustache = bearded ? random.uniform(0, 1) : (random.chance(0.08) ? 0.8 : 0);

  face.glasses = random.chance(0.22);
  face.glasses_width = around(random, 13.2, 1.2);
  face.glasses_height = around(random, 9.5, 1.3);
  face.glasses_roundness = random.uniform(2, 6);
  face.glasses_rim = random.uniform(0.5, 1.9);
  face.glasses_color = between(std::array{rgb(15, 15, 18), rgb(90, 50, 25), rgb(150, 30, 35),
                                          rgb(40, 60, 120), rgb(190, 170, 110), rgb(185, 188, 192)},
                               random.uniform());
}

}  // namespace

FaceIdentity drawIdentity(uint64_t seed, uint64_t number) {
  Random random(seed, kIdentityStream, number);
  FaceIdentity face;
  face.texture_seed = random.next();
  drawHead(random, face);
  drawHair(random, face);
  drawEyes(random, face);
  drawNoseAndMouth(random, face);
  drawBeardAndGlasses(random, face);
  return face;
}

}  // namespace sphereface
