// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/synth/variation.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/random.h"

namespace sphereface {
namespace {

/// Keeps these numbers apart from the identities' own.
constexpr uint64_t kPictureStream = 0x10000;

/// Normal, cut at `limit` standard deviations.
double spread(Random& random, double deviation, double limit = 2.2) {
  return deviation * std::clamp(random.normal(), -limit, limit);
}

double radians(double degrees) {
  return degrees * std::numbers::pi / 180;
}

void drawExpression(Random& random, double strength, double gaze, FaceVariation& picture) {
  picture.smile = std::clamp(strength * (0.4 + 0.5 * random.normal()), -1.0, 1.0);
  picture.mouth_open = random.chance(0.35) ? strength * random.uniform(0.5, 7) : 0;
  picture.brow_raise = spread(random, 1.2 * strength);
  picture.eye_open = random.chance(0.06 * strength)
                         ? random.uniform(0.05, 0.4)
                         : std::clamp(1 + 0.16 * strength * random.normal(), 0.5, 1.3);
  picture.gaze_x = spread(random, gaze);
  picture.gaze_y = spread(random, 0.4 * gaze);
}

void drawLight(Random& random, const NuisanceStrengths& strengths, FaceVariation& picture) {
  const double side = strengths.side_light * random.uniform(-1, 1) * std::numbers::pi / 2;
  const double height = strengths.side_light * random.uniform(-0.25, 1) * std::numbers::pi / 3;
  picture.light = cv::Vec3f(static_cast<float>(std::sin(side) * std::cos(height)),
                            static_cast<float>(-std::sin(height)),
                            static_cast<float>(std::cos(side) * std::cos(height)));
  picture.ambient = random.uniform(0.35, 0.8);
  const double exposure = std::exp(spread(random, strengths.exposure_spread));
  const double temperature = spread(random, strengths.temperature_spread);
  const double tint = spread(random, 0.3 * strengths.temperature_spread);
  picture.gain = Color(static_cast<float>(exposure * (1 - temperature)),
                       static_cast<float>(exposure * (1 + tint)),
                       static_cast<float>(exposure * (1 + temperature)));
  picture.contrast = std::exp(spread(random, strengths.contrast_spread));
  picture.grey = random.chance(strengths.grey_probability);
}

}  // namespace

FaceVariation drawVariation(uint64_t seed, uint64_t identity, uint64_t image,
                            const NuisanceStrengths& strengths) {
  Random random(seed, kPictureStream + identity, image);
  FaceVariation picture;
  picture.scene_seed = random.next();
  picture.yaw = radians(spread(random, strengths.yaw_spread));
  picture.pitch = radians(spread(random, strengths.pitch_spread));
  picture.roll = radians(spread(random, 8));
  picture.focal = random.uniform(260, 900);
  picture.jitter = strengths.landmark_jitter;
  drawExpression(random, strengths.expression, strengths.gaze, picture);
  picture.hairline_shift = spread(random, strengths.hair_change);
  picture.fringe_shift = spread(random, strengths.hair_change);
  picture.volume_shift = spread(random, strengths.hair_change);
  picture.skin_gain = 1 + spread(random, strengths.tan_spread);
  picture.glasses_off = random.chance(strengths.glasses_off_probability);
  drawLight(random, strengths, picture);
  picture.patch = random.chance(strengths.patch_probability);
  picture.sunglasses = random.chance(strengths.sunglasses_probability);
  picture.scarf = random.chance(strengths.scarf_probability);
  picture.hat = random.chance(strengths.hat_probability);
  picture.blur = random.uniform(0, strengths.blur_max);
  if (random.chance(strengths.low_resolution_probability)) {
    picture.resolution = random.uniform(0.4, 0.85);
  }
  picture.noise = random.uniform(0, strengths.noise_max);
  const int span = strengths.jpeg_quality_high - strengths.jpeg_quality_low + 1;
  picture.jpeg_quality =
      strengths.jpeg_quality_low + static_cast<int>(random.below(static_cast<uint64_t>(span)));
  return picture;
}

}  // namespace sphereface
