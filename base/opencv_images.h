// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What only OpenCV's imgcodecs and imgproc can do. With them come some 120 other libraries on
// Debian (GDAL and all it needs), so this is a library of its own, which is opened when it is first
// needed: a worker that trains on JPEG starts without.

#pragma once

#include <opencv2/core.hpp>
#include <string>
#include <string_view>

namespace sphereface {

/// PNG, BMP, WebP, PNM or TIFF as 8-bit BGR, not turned by Exif (TIFF is, by its own tag). errors:
/// Error that doesn't name the bytes, or says that the library can't be opened.
cv::Mat decodeByOpenCv(std::string_view bytes);

/// In the format of a suffix such as ".png". errors: Error.
std::string encodeByOpenCv(const cv::Mat& bgr, const std::string& suffix);

/// cv::resize to the size that `to` is given: INTER_AREA for a smaller picture, INTER_LINEAR for a
/// larger one.
void resizeByOpenCv(const cv::Mat& from, const cv::Size& size, bool smaller, cv::Mat& to);

}  // namespace sphereface
