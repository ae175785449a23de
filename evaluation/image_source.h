// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <filesystem>
#include <functional>
#include <opencv2/core.hpp>
#include <span>
#include <string>
#include <vector>

#include "base/image_folder.h"

namespace sphereface {

/// A list of images and how to get one: 8-bit BGR, of the network's input size.
struct ImageSource {
  std::vector<std::string> names;
  std::function<cv::Mat(size_t)> load;  // called from several threads
  // Name of the template the faces were aligned to, where the source knows it; else empty.
  std::string alignment_template;
  PassedOver passed_over;  // of a folder: what is no image
};

/// The images as a network trained on `alignment_template` wants them: those aligned to
/// insightface's template are cut to SphereFace's, nine columns on the left and seven on the right,
/// moved up by a pixel (the lowest row is repeated); all others are left as they are.
ImageSource alignedTo(const std::string& alignment_template, ImageSource source);

/// All images below a folder, as they are stored; of a packed data set, of an insightface
/// verification set (.bin), or those listed in a text file (one path a line, relative to the file).
ImageSource openImageSource(const std::filesystem::path& input);

/// All photographs below a folder, turned upright as their Exif says.
ImageSource openPhotographs(const std::filesystem::path& folder);

/// The images of `directory` with these paths below it, whatever their suffix.
/// errors: Error with how many are missing and the first of them.
ImageSource namedImages(const std::filesystem::path& directory, std::span<const std::string> stems);

}  // namespace sphereface
