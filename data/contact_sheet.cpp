// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/contact_sheet.h"

#include <algorithm>
#include <opencv2/imgproc.hpp>

#include "base/image_planes.h"

namespace sphereface {
namespace {

constexpr int kGap = 4;
constexpr int kLabelHeight = 18;
const cv::Scalar kPaper(255, 255, 255);
const cv::Scalar kInk(40, 40, 40);

/// OpenCV's fonts know ASCII only; anything else is drawn as question marks. One per character:
/// continuation bytes of UTF-8 are left out.
std::string drawable(const std::string& text) {
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xc0) == 0x80) continue;
    result += byte >= 0x20 && byte < 0x7f ? c : '?';
  }
  return result;
}

}  // namespace

cv::Size contactSheetSize(size_t rows, size_t columns, const cv::Size& cell) {
  return {kGap + static_cast<int>(columns) * (cell.width + kGap),
          kGap + static_cast<int>(rows) * (kLabelHeight + cell.height + kGap)};
}

cv::Mat drawContactSheet(const std::vector<SheetRow>& rows, const cv::Size& cell) {
  size_t columns = 0;
  for (const SheetRow& row : rows)
    columns = std::max(columns, row.images.size());
  if (columns == 0) throw Error("contact sheet: no image to show");
  cv::Mat sheet(contactSheetSize(rows.size(), columns, cell), CV_8UC3, kPaper);
  int top = kGap;
  for (const SheetRow& row : rows) {
    cv::Mat strip = sheet.rowRange(top, top + kLabelHeight);
    cv::putText(strip, drawable(row.label), cv::Point(kGap, kLabelHeight - 5),
                cv::FONT_HERSHEY_SIMPLEX, 0.42, kInk, 1, cv::LINE_AA);
    top += kLabelHeight;
    int left = kGap;
    for (const cv::Mat& image : row.images) {
      const cv::Rect part(0, 0, std::min(image.cols, cell.width),
                          std::min(image.rows, cell.height));
      image(part).copyTo(sheet(part + cv::Point(left, top)));
      left += cell.width + kGap;
    }
    top += cell.height + kGap;
  }
  return sheet;
}

std::vector<SheetRow> sampleIdentities(const Dataset& dataset, size_t identities, size_t images) {
  const DatasetManifest& manifest = dataset.manifest();
  std::vector<SheetRow> rows(std::min<size_t>(identities, manifest.classes()));
  size_t missing = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    const DatasetManifest::Identity& identity = manifest.identity(static_cast<int>(i));
    rows[i].label = concat(i, "  ", identity.name(), "  (", identity.images(), " images)");
    missing += std::min<size_t>(images, identity.images());
  }
  for (uint64_t index = 0; index < dataset.size() && missing > 0; ++index) {
    const int label = dataset.label(index);
    if (label < 0 || static_cast<size_t>(label) >= rows.size()) continue;
    SheetRow& row = rows[static_cast<size_t>(label)];
    if (row.images.size() == images) continue;
    --missing;
    try {
      row.images.push_back(dataset.read(index).image);
    } catch (const BadRecord&) {
      row.label += concat("  record ", index, " is bad");
    }
  }
  return rows;
}

std::vector<SheetRow> sampleVariants(const Dataset& dataset, size_t identities, size_t images,
                                     const AugmentOptions& options, uint64_t seed) {
  std::vector<SheetRow> rows = sampleIdentities(dataset, identities, 1);
  Augmenter augmenter(options);
  std::vector<uint8_t> original;
  std::vector<uint8_t> planes;
  for (size_t i = 0; i < rows.size(); ++i) {
    std::vector<cv::Mat>& row = rows[i].images;
    if (row.empty()) continue;
    original.resize(3 * row[0].total());
    planes.resize(original.size());
    copyPlanes(row[0], original.data());
    while (row.size() < images) {
      Random random(seed, i, row.size());
      augmenter.apply(original.data(), row[0].size(), random, planes.data());
      row.push_back(interleave(planes.data(), row[0].rows, row[0].cols));
    }
  }
  return rows;
}

}  // namespace sphereface
