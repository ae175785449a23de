// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <opencv2/core.hpp>
#include <string>
#include <vector>

#include "data/augment.h"
#include "data/dataset.h"

namespace sphereface {

/// One row of a contact sheet.
struct SheetRow {
  std::string label;
  std::vector<cv::Mat> images;  // 8-bit BGR
};

/// Lays the rows out below each other, each under its label. All images are drawn in cells of
/// `cell` (smaller ones in the corner, larger ones cut); rows may differ in length.
/// requires: at least one row with an image. errors: Error otherwise.
cv::Mat drawContactSheet(const std::vector<SheetRow>& rows, const cv::Size& cell);

/// Rows of the first `identities` identities (or of all, if there are fewer) with up to `images`
/// images each. Reads the data set from the front until the rows are full; a bad record is left
/// out.
std::vector<SheetRow> sampleIdentities(const Dataset& dataset, size_t identities, size_t images);

/// Rows of the first identities' first images: each as it is, then `images` - 1 random variants.
std::vector<SheetRow> sampleVariants(const Dataset& dataset, size_t identities, size_t images,
                                     const AugmentOptions& options, uint64_t seed);

/// Size of the sheet of so many rows with at most `columns` images.
cv::Size contactSheetSize(size_t rows, size_t columns, const cv::Size& cell);

}  // namespace sphereface
