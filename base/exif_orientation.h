// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Cameras store the sensor's rows as they come and note in tag 0x0112 of Exif how the picture is to
// be turned when it is shown (Exif 2.3, section 4.6.4; TIFF 6.0, page 36):
//
//     1 as it is             5 mirrored along the main diagonal
//     2 mirrored sideways    6 to be turned clockwise by 90 degrees
//     3 turned by 180        7 mirrored along the other diagonal
//     4 mirrored upside down 8 to be turned anticlockwise by 90 degrees

#pragma once

#include <opencv2/core.hpp>
#include <string_view>

namespace sphereface {

/// 1 to 8, by the Exif of a JPEG, PNG or WebP file; 1 when it has none, or a damaged one. Also 1 of
/// a TIFF file, whose pixels decodeImage() gives turned already.
int exifOrientation(std::string_view file);

/// The picture as it is to be shown. Shares the pixels when nothing is to be turned.
cv::Mat turnedUpright(const cv::Mat& stored, int orientation);

}  // namespace sphereface
