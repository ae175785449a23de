// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/align/mtcnn_boxes.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace sphereface {
namespace {

constexpr double kCell = 12;

float area(const MtcnnBox& box) {
  return (box.x2 - box.x1 + 1) * (box.y2 - box.y1 + 1);
}

float overlapOf(const MtcnnBox& a, const MtcnnBox& b, Overlap overlap) {
  const float width = std::max(0.0F, std::min(a.x2, b.x2) - std::max(a.x1, b.x1) + 1);
  const float height = std::max(0.0F, std::min(a.y2, b.y2) - std::max(a.y1, b.y1) + 1);
  const float shared = width * height;
  return overlap == Overlap::kUnion ? shared / (area(a) + area(b) - shared)
                                    : shared / std::min(area(a), area(b));
}

}  // namespace

std::vector<size_t> suppressNonMaxima(const std::vector<MtcnnBox>& boxes, float threshold,
                                      Overlap overlap) {
  std::vector<size_t> order(boxes.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return boxes[a].score < boxes[b].score; });
  std::vector<size_t> kept;
  while (!order.empty()) {
    const size_t best = order.back();
    order.pop_back();
    kept.push_back(best);
    std::erase_if(order,
                  [&](size_t i) { return overlapOf(boxes[best], boxes[i], overlap) > threshold; });
  }
  return kept;
}

void applyRegression(MtcnnBox& box, bool inclusive) {
  const float extra = inclusive ? 1.0F : 0.0F;
  const float width = box.x2 - box.x1 + extra;
  const float height = box.y2 - box.y1 + extra;
  box.x1 += box.regression[0] * width;
  box.y1 += box.regression[1] * height;
  box.x2 += box.regression[2] * width;
  box.y2 += box.regression[3] * height;
}

void makeSquare(MtcnnBox& box) {
  const float width = box.x2 - box.x1;
  const float height = box.y2 - box.y1;
  const float side = std::max(width, height);
  box.x1 += width * 0.5F - side * 0.5F;
  box.y1 += height * 0.5F - side * 0.5F;
  box.x2 = box.x1 + side;
  box.y2 = box.y1 + side;
}

void truncate(MtcnnBox& box) {
  box.x1 = std::trunc(box.x1);
  box.y1 = std::trunc(box.y1);
  box.x2 = std::trunc(box.x2);
  box.y2 = std::trunc(box.y2);
}

std::vector<double> pyramidScales(int shorter_side, int min_face, double factor) {
  std::vector<double> scales;
  const double largest = kCell / min_face;
  double side = shorter_side * largest;
  for (int k = 0; side >= kCell; ++k) {
    scales.push_back(largest * std::pow(factor, k));
    side *= factor;
  }
  return scales;
}

}  // namespace sphereface
