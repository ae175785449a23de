// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// A gallery is a folder: the photographs of NAME are GALLERY/NAME/*, subfolders included, and
// GALLERY/NAME.jpg (or another suffix of a photograph). An image stored as exactly
// kAlignedHeight x kAlignedWidth pixels is taken as a face that is aligned already, whatever its
// Exif says; all others are turned upright as theirs says, a face is looked for, and of several the
// most central one is the person's, as `sphereface align` chooses.

#pragma once

#include <cstddef>
#include <filesystem>
#include <opencv2/core.hpp>
#include <string>
#include <vector>

#include "base/image_folder.h"
#include "data/align/mtcnn_networks.h"
#include "evaluation/embedder.h"
#include "evaluation/face_gallery.h"

namespace sphereface {

/// What people who are not in the gallery are called; nobody in it may be.
inline constexpr const char* kUnknown = "unknown";

struct GalleryPerson {
  std::string name;
  size_t photographs = 0;
  size_t aligned_photographs = 0;          // of these: that were aligned already
  std::vector<std::string> several_faces;  // photographs with more faces than one, below the folder
  cv::Mat portrait;                        // the face of the first photograph, aligned
};

struct Gallery {
  std::vector<GalleryPerson> people;  // by name
  FaceGallery faces;                  // the same people
  PassedOver passed_over;             // of the folder: what is no image
};

/// Finds, aligns and embeds the faces of a gallery's photographs. Shows progress.
/// errors: Error naming the photograph that can't be read or shows no face, the person who is
/// called kUnknown; when the folder holds no image.
Gallery enrol(const std::filesystem::path& folder, const MtcnnNetworks& networks,
              Embedder& embedder, int min_face, size_t threads);

}  // namespace sphereface
