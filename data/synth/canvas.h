// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The picture a procedural face is painted on, and the way from face coordinates (see
// synth_identity.h) to it: a rotated head seen by a camera, then aligned by its five points, as a
// photograph would be.

#pragma once

#include <opencv2/core.hpp>
#include <vector>

#include "base/random.h"
#include "data/synth/identity.h"
#include "data/synth/variation.h"

namespace sphereface {

/// Points in the picture.
using Path = std::vector<cv::Point2d>;

class FaceCanvas {
 public:
  /// Painted at twice the size for smooth edges.
  static constexpr int kScale = 2;

  FaceCanvas(const FaceIdentity& face, const FaceVariation& picture, Random& random);

  /// A point of the face's surface, raised by `lift` pixels, in the picture.
  cv::Point2d onFace(double x, double y, double lift = 0) const;
  /// A point `x` to the side of the head's middle plane as the camera sees it: for outlines, which
  /// don't turn with the head.
  cv::Point2d onOutline(double x, double y) const;
  /// Half width of the head's outline at height y; 0 above the crown and below the chin.
  double outlineWidth(double y) const;

  /// Picture pixels per face pixel.
  double scale() const { return scale_; }
  cv::Point2d headCenter() const;
  /// Half axes of the head in the picture.
  cv::Size2d headRadii() const;

  void fill(const Path& polygon, const Color& color, double alpha = 1,
            const cv::Mat& clip = cv::Mat());
  /// A line that is `width` face pixels wide at its middle and `end_width` at its ends.
  void stroke(const Path& line, double width, double end_width, const Color& color,
              double alpha = 1, const cv::Mat& clip = cv::Mat());
  /// A disc on the face's surface.
  void disc(double x, double y, double radius_x, double radius_y, const Color& color,
            double alpha = 1, const cv::Mat& clip = cv::Mat());
  /// 8-bit coverage of a polygon, as `clip` for the others.
  cv::Mat coverage(const Path& polygon) const;

  /// What is painted from now on belongs to the head and is lit with it.
  void startHead() { lit_ = true; }
  /// ... and no longer.
  void endHead() { lit_ = false; }

  cv::Mat& image() { return image_; }
  const cv::Mat& headMask() const { return head_mask_; }

 private:
  cv::Point2d project(cv::Point3d point, double outline_x) const;
  double depth(double x, double y) const;
  void align(const FaceVariation& picture, Random& random);

  const FaceIdentity& face_;
  double middle_;  // y of the head's centre
  double half_height_;
  cv::Vec2d yaw_;  // cosine, sine
  cv::Vec2d pitch_;
  cv::Vec2d roll_;
  double focal_;
  double widen_;  // of the outline when the head turns
  cv::Matx23d to_picture_;
  double scale_ = 1;
  bool lit_ = false;
  cv::Mat image_;
  cv::Mat head_mask_;
};

}  // namespace sphereface
