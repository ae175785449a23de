// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Who a procedural face is: everything that stays the same in all pictures of one identity.
//
// Face coordinates: x right, y down, z towards the camera, in pixels of the alignment template for
// a frontal face; the origin is where the template has the tip of the nose.

#pragma once

#include <cstdint>
#include <opencv2/core.hpp>
#include <vector>

namespace sphereface {

/// Blue, green, red in 0 .. 255.
using Color = cv::Vec3f;

/// A mole or freckle on the skin.
struct SkinMark {
  double x = 0;
  double y = 0;
  double radius = 0;
  double strength = 0;  // 0 .. 1
};

struct FaceIdentity {
  uint64_t texture_seed = 0;  // of hair strands

  // Head: half width, depth, y of crown and chin, half width of jaw as a part of the head's
  double head_width = 0;
  double head_depth = 0;
  double crown = 0;
  double chin = 0;
  double jaw_width = 0;
  double chin_roundness = 0;
  double cheek = 0;  // how far the cheek bones stand out
  double ear_size = 0;
  double ear_angle = 0;
  Color skin;
  double redness = 0;  // of cheeks and nose
  std::vector<SkinMark> marks;
  double age = 0;  // 0 .. 1: folds and bags

  // Hair
  Color hair;
  bool bald = false;
  double hair_volume = 0;  // beyond the head, pixels
  double hairline = 0;     // y at the middle
  double hairline_curve = 0;
  double parting = 0;      // -1 .. 1: where the fringe divides
  double fringe = 0;       // pixels it hangs below the hairline
  double side_length = 0;  // y where the side hair ends
  double side_width = 0;
  double wave = 0;
  double wave_count = 0;
  double strand_contrast = 0;

  // Eyes: centre distance, half width, openings above and below, slope
  double eye_distance = 0;
  double eye_width = 0;
  double eye_upper = 0;
  double eye_lower = 0;
  double eye_tilt = 0;
  double iris_radius = 0;
  Color iris;
  double lash = 0;
  double crease = 0;  // of the lid above the eye
  double socket = 0;  // darkness around the eye

  // Brows
  Color brow;
  double brow_height = 0;  // above the eye
  double brow_length = 0;
  double brow_thickness = 0;
  double brow_arch = 0;
  double brow_angle = 0;
  double brow_density = 0;

  // Nose: y of the tip, half width at the wings and at the bridge, how far it stands out
  double nose_tip = 0;
  double nose_width = 0;
  double nose_bridge = 0;
  double nose_height = 0;
  double nostril = 0;
  double nose_bend = 0;  // sideways

  // Mouth
  double mouth_y = 0;
  double mouth_width = 0;
  double upper_lip = 0;
  double lower_lip = 0;
  double cupid_bow = 0;
  double mouth_rest = 0;  // corners up or down when relaxed
  Color lips;

  // Beard: opacity 0 .. 1, y where it begins on the cheek
  double beard = 0;
  double beard_top = 0;
  double moustache = 0;

  // Glasses worn in nearly all pictures
  bool glasses = false;
  double glasses_width = 0;
  double glasses_height = 0;
  double glasses_roundness = 0;  // exponent of the rim's superellipse
  double glasses_rim = 0;
  Color glasses_color;
};

/// The same identity on every machine for the same `seed` and `number`.
FaceIdentity drawIdentity(uint64_t seed, uint64_t number);

}  // namespace sphereface
