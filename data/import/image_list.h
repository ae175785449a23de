// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <filesystem>

#include "data/import/pack_input.h"

namespace sphereface {

/// Lines `path label`; the last space or TAB separates, a relative path starts at the list's
/// folder. So do Caffe's convert_imageset and SphereFace's CASIA-WebFace-112X96.txt. errors: Error
/// naming file and line.
PackInput openImageList(const std::filesystem::path& list);

}  // namespace sphereface
