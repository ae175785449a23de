// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <filesystem>

#include "data/import/pack_input.h"

namespace sphereface {

/// One folder per identity, its images anywhere below it; label = rank of the folder among the
/// sorted ones that hold an image. Names beginning with a dot are left out. Images are in
/// lexicographic order. errors: Error for a folder without an image, and an image outside an
/// identity's folder.
PackInput openIdentityFolders(const std::filesystem::path& folder);

}  // namespace sphereface
