// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/align/mtcnn.h"

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>

#include "base/error.h"
#include "data/align/mtcnn_boxes.h"
#include "data/align/resample.h"

namespace sphereface {
namespace {

constexpr int kStride = 2;
constexpr int kCell = MtcnnNetworks::kProposalSize;
constexpr int kCropsAtOnce = 16;
/// P-Net works on strips of about this many output cells, which keeps its maps in the cache and its
/// memory independent of the image's size.
constexpr int kStripCells = 8192;
constexpr int kLeastStripRows = 16;

using Boxes = std::vector<MtcnnBox>;

Boxes pick(const Boxes& boxes, const std::vector<size_t>& indices) {
  Boxes picked;
  picked.reserve(indices.size());
  for (const size_t i : indices)
    picked.push_back(boxes[i]);
  return picked;
}

/// Writes row y of `map` for one lane, from a row of RGBA pixels.
void putRow(const float* pixels, FeatureMap& map, int y, int lane) {
  for (int c = 0; c < 3; ++c) {
    float* row = map.row(c, y) + lane;
    for (int x = 0; x < map.width(); ++x) {
      row[x * map.lanes()] = (pixels[x * 4 + c] - 127.5F) * 0.0078125F;
    }
  }
}

std::array<float, 4> regressionAt(const FeatureMap& heads, int y, int x) {
  std::array<float, 4> regression{};
  for (int i = 0; i < 4; ++i)
    regression[i] = heads.row(kOutputRegression + i, y)[x];
  return regression;
}

/// P-Net's boxes at one scale, in raster order, before any suppression.
Boxes proposeAtScale(const MtcnnNetwork& network, const cv::Mat& rgba, double scale,
                     float threshold) {
  const cv::Size size(static_cast<int>(std::ceil(rgba.cols * scale)),
                      static_cast<int>(std::ceil(rgba.rows * scale)));
  Resampler resampled(rgba, {0, 0, rgba.cols, rgba.rows}, size);
  // (n - 10) after the first three layers' pooling in ceil mode, less four.
  const int cell_rows = (size.height - 2 + 1) / kStride - 4;
  const int cell_columns = (size.width - 2 + 1) / kStride - 4;
  const int strip_rows = std::max(kLeastStripRows, kStripCells / cell_columns);
  thread_local FeatureMap strip;
  Boxes boxes;
  for (int first = 0; first < cell_rows; first += strip_rows) {
    const int rows = std::min(strip_rows, cell_rows - first);
    const int top = kStride * first;
    const int bottom = std::min(size.height, kStride * (first + rows - 1) + kCell);
    strip.reshape(3, bottom - top, size.width, 1);
    for (int y = top; y < bottom; ++y)
      putRow(resampled.row(y), strip, y - top, 0);
    const FeatureMap& heads = forward(network, strip);
    for (int y = 0; y < rows; ++y) {
      const float* background = heads.row(kOutputBackground, y);
      const float* face = heads.row(kOutputFace, y);
      for (int x = 0; x < heads.width(); ++x) {
        const float score = faceProbability(background[x], face[x]);
        if (!(score >= threshold)) continue;
        const int row = first + y;
        MtcnnBox box;
        box.x1 = static_cast<float>(std::trunc((kStride * x + 1) / scale));
        box.y1 = static_cast<float>(std::trunc((kStride * row + 1) / scale));
        box.x2 = static_cast<float>(std::trunc((kStride * x + kCell) / scale));
        box.y2 = static_cast<float>(std::trunc((kStride * row + kCell) / scale));
        box.score = score;
        box.regression = regressionAt(heads, y, x);
        boxes.push_back(box);
      }
    }
  }
  return boxes;
}

Boxes propose(const MtcnnNetwork& network, const cv::Mat& rgba, const MtcnnSettings& settings) {
  Boxes boxes;
  for (const double scale :
       pyramidScales(std::min(rgba.cols, rgba.rows), settings.min_face, settings.pyramid_factor)) {
    const Boxes found = proposeAtScale(network, rgba, scale, settings.proposal_threshold);
    for (const size_t i : suppressNonMaxima(found, 0.5F, Overlap::kUnion)) {
      boxes.push_back(found[i]);
    }
  }
  boxes = pick(boxes, suppressNonMaxima(boxes, 0.7F, Overlap::kUnion));
  for (MtcnnBox& box : boxes) {
    applyRegression(box, false);
    makeSquare(box);
    truncate(box);
  }
  return boxes;
}

/// Runs `network` on the boxes' crops, resized to side x side, and calls use(box, heads, lane) for
/// each box of a score above the threshold, with its score and corrections.
template <class Use>
void judge(const MtcnnNetwork& network, int side, const cv::Mat& rgba, const Boxes& boxes,
           float threshold, Use use) {
  thread_local FeatureMap crops;
  for (size_t first = 0; first < boxes.size(); first += kCropsAtOnce) {
    const int lanes = static_cast<int>(std::min<size_t>(kCropsAtOnce, boxes.size() - first));
    crops.reshape(3, side, side, lanes);
    for (int lane = 0; lane < lanes; ++lane) {
      const MtcnnBox& box = boxes[first + static_cast<size_t>(lane)];
      const cv::Rect crop(static_cast<int>(box.x1) - 1, static_cast<int>(box.y1) - 1,
                          static_cast<int>(box.x2 - box.x1) + 1,
                          static_cast<int>(box.y2 - box.y1) + 1);
      Resampler resampled(rgba, crop, {side, side});
      for (int y = 0; y < side; ++y)
        putRow(resampled.row(y), crops, y, lane);
    }
    const FeatureMap& heads = forward(network, crops);
    for (int lane = 0; lane < lanes; ++lane) {
      const float score =
          faceProbability(heads.row(kOutputBackground, 0)[lane], heads.row(kOutputFace, 0)[lane]);
      if (!(score > threshold)) continue;
      MtcnnBox box = boxes[first + static_cast<size_t>(lane)];
      box.score = score;
      box.regression = regressionAt(heads, 0, lane);
      use(box, heads, lane);
    }
  }
}

/// Corrections can turn a box inside out; such a box has nothing to crop.
void dropEmpty(Boxes& boxes) {
  std::erase_if(
      boxes, [](const MtcnnBox& box) { return !(box.x2 - box.x1 >= 0 && box.y2 - box.y1 >= 0); });
}

Boxes refine(const MtcnnNetwork& network, const cv::Mat& rgba, const Boxes& proposals,
             float threshold) {
  Boxes boxes;
  judge(network, MtcnnNetworks::kRefinementSize, rgba, proposals, threshold,
        [&](const MtcnnBox& box, const FeatureMap&, int) { boxes.push_back(box); });
  boxes = pick(boxes, suppressNonMaxima(boxes, 0.7F, Overlap::kUnion));
  for (MtcnnBox& box : boxes) {
    applyRegression(box, true);
    makeSquare(box);
    truncate(box);
  }
  return boxes;
}

std::vector<Face> decide(const MtcnnNetwork& network, const cv::Mat& rgba, const Boxes& candidates,
                         float threshold) {
  Boxes boxes;
  std::vector<FivePoints> points;
  judge(network, MtcnnNetworks::kOutputSize, rgba, candidates, threshold,
        [&](MtcnnBox& box, const FeatureMap& heads, int lane) {
          // The published W * p + x1 - 1 counts from 1, hence the second -1.
          FivePoints five;
          for (int k = 0; k < 5; ++k) {
            five[k].x =
                (box.x2 - box.x1 + 1) * heads.row(kOutputLandmarks + k, 0)[lane] + box.x1 - 2;
            five[k].y =
                (box.y2 - box.y1 + 1) * heads.row(kOutputLandmarks + 5 + k, 0)[lane] + box.y1 - 2;
          }
          points.push_back(five);
          applyRegression(box, true);
          boxes.push_back(box);
        });
  std::vector<Face> faces;
  for (const size_t i : suppressNonMaxima(boxes, 0.7F, Overlap::kMin)) {
    const MtcnnBox& box = boxes[i];
    faces.push_back({box.x1 - 1, box.y1 - 1, box.x2 - 1, box.y2 - 1, box.score, points[i]});
  }
  return faces;
}

}  // namespace

std::vector<Face> detectFaces(const MtcnnNetworks& networks, const cv::Mat& bgr,
                              const MtcnnSettings& settings) {
  if (bgr.type() != CV_8UC3) throw Error("face detection: the image is not 8-bit with 3 channels");
  cv::Mat rgba;
  cv::cvtColor(bgr, rgba, cv::COLOR_BGR2RGBA);
  Boxes boxes = propose(networks.proposal, rgba, settings);
  dropEmpty(boxes);
  boxes = refine(networks.refinement, rgba, boxes, settings.refinement_threshold);
  dropEmpty(boxes);
  return decide(networks.output, rgba, boxes, settings.output_threshold);
}

}  // namespace sphereface
