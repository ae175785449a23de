// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Face detection with MTCNN (Zhang, Zhang, Li, Qiao: Joint Face Detection and Alignment using
// Multi-task Cascaded Convolutional Networks, 2016), following the published Matlab code, version
// MTCNNv1 of 2016-11, with the settings of SphereFace's preprocessing as defaults: P-Net proposes
// boxes on a pyramid of sizes, R-Net and O-Net judge and correct them.

#pragma once

#include <opencv2/core.hpp>
#include <vector>

#include "data/align/alignment_template.h"
#include "data/align/mtcnn_networks.h"

namespace sphereface {

struct MtcnnSettings {
  int min_face = 20;  // side of the smallest face looked for, pixels
  double pyramid_factor = 0.85;
  float proposal_threshold = 0.6F;
  float refinement_threshold = 0.7F;
  float output_threshold = 0.9F;
};

/// In pixels; the centre of the top left pixel is (0, 0). The published code's numbers are greater
/// by one.
struct Face {
  double x1 = 0;
  double y1 = 0;
  double x2 = 0;  // the last pixel of the box, not the one behind it
  double y2 = 0;
  double score = 0;  // probability, above output_threshold
  FivePoints points;
};

/// All faces of an 8-bit BGR image, best score first; boxes may reach beyond the image.
/// ensures: the same result for the same image on one processor, whatever ran before.
/// Thread-safe; runs on the calling thread alone.
std::vector<Face> detectFaces(const MtcnnNetworks& networks, const cv::Mat& bgr,
                              const MtcnnSettings& settings = {});

}  // namespace sphereface
