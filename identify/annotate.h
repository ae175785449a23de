// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Draws a box around each face with its name, or "unknown", and the cosine with the person it
// resembles most. Texts are in OpenCV's stroke font: what isn't ASCII is drawn as '?'.

#pragma once

#include <cstddef>
#include <filesystem>
#include <opencv2/core.hpp>

#include "evaluation/image_source.h"
#include "identify/gallery.h"
#include "identify/identify.h"

namespace sphereface {

/// Writes one drawn photograph in the format of `output`'s suffix, whole or not at all.
void annotatePhotograph(const cv::Mat& photograph, const IdentifiedFaces& identified,
                        const Gallery& gallery, const std::filesystem::path& output);

/// Writes all drawn photographs under their names to the folder `output`, whole or not at all;
/// those in formats that aren't written as NAME.png. Shows progress. errors: Error when the folder
/// is there already or a file can't be written.
void annotatePhotographs(const ImageSource& photographs, const IdentifiedFaces& identified,
                         const Gallery& gallery, const std::filesystem::path& output,
                         size_t threads);

/// Writes the drawn video, whole or not at all. Shows progress. errors: as VideoWriter.
void annotateVideo(const std::filesystem::path& video, const IdentifiedFaces& identified,
                   const Gallery& gallery, const std::filesystem::path& output);

}  // namespace sphereface
