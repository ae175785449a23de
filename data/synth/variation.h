// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What differs between two pictures of one procedural face: pose, expression, light, occlusion,
// background, camera.

#pragma once

#include <cstdint>

#include "data/synth/identity.h"

namespace sphereface {

/// How strongly pictures of one identity differ. "Spread" is a standard deviation. These values are
/// set so that raw pixels fail at verification while a small network learns it.
struct NuisanceStrengths {
  double yaw_spread = 14;            // degrees
  double pitch_spread = 7;           // degrees
  double landmark_jitter = 1.0;      // pixels, of each of the five points the face is aligned by
  double expression = 0.9;           // scales smile, open mouth, brows, closing eyes
  double gaze = 1.3;                 // pixels
  double hair_change = 1.4;          // pixels: hairline, fringe and volume from day to day
  double tan_spread = 0.05;          // relative brightness of the skin
  double side_light = 0.75;          // 0: frontal only, 1: from any side
  double exposure_spread = 0.2;      // relative
  double contrast_spread = 0.17;     // relative
  double temperature_spread = 0.08;  // relative gain of red against blue
  double grey_probability = 0.08;
  double patch_probability = 0.08;
  double sunglasses_probability = 0.03;
  double scarf_probability = 0.03;
  double hat_probability = 0.05;
  double glasses_off_probability = 0.05;
  double low_resolution_probability = 0.15;
  double blur_max = 1.0;   // pixels
  double noise_max = 7.0;  // grey levels
  int jpeg_quality_low = 50;
  int jpeg_quality_high = 95;
};

struct FaceVariation {
  uint64_t scene_seed = 0;  // of background, occluding patch, noise

  double yaw = 0;    // radians, positive: the face turns to the right of the image
  double pitch = 0;  // radians, positive: downwards
  double roll = 0;   // radians; alignment takes nearly all of it away
  double focal = 0;  // camera distance, pixels
  double jitter = 0;

  double smile = 0;       // -1 .. 1
  double mouth_open = 0;  // pixels
  double brow_raise = 0;  // pixels
  double eye_open = 1;    // 0 closed .. 1.2 wide
  double gaze_x = 0;
  double gaze_y = 0;

  double hairline_shift = 0;
  double fringe_shift = 0;
  double volume_shift = 0;
  double skin_gain = 1;
  bool glasses_off = false;

  cv::Vec3f light;       // unit vector towards it
  double ambient = 0.5;  // the light's part is 1 - ambient
  Color gain;            // exposure and colour temperature, per channel
  double contrast = 1;
  bool grey = false;

  bool patch = false;
  bool sunglasses = false;
  bool scarf = false;
  bool hat = false;

  double blur = 0;
  double resolution = 1;  // relative size it is reduced to and enlarged again
  double noise = 0;
  int jpeg_quality = 90;
};

/// The same variation on every machine for the same numbers.
FaceVariation drawVariation(uint64_t seed, uint64_t identity, uint64_t image,
                            const NuisanceStrengths& strengths);

}  // namespace sphereface
