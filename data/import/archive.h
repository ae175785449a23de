// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Archives of identity folders, read by libarchive.

#pragma once

#include <filesystem>

#include "data/import/pack_input.h"

namespace sphereface {

/// By the name: .tar, also compressed (.tar.gz, .tgz, .tar.bz2, .tar.xz, .tar.zst), or .zip.
bool isArchive(const std::filesystem::path& path);

/// The images of an archive, as openIdentityFolders() would have them from the folder that was put
/// into it: folders that all images share are left out of their names, then the first is the
/// identity. Names with a part that begins with a dot, and __MACOSX, are left out; of a name that
/// occurs twice the last counts, as when it is unpacked.
/// Archives are read from the front to the end, but records are stored shuffled, so the images are
/// first copied into an unnamed file in `scratch`, which needs room for them.
/// errors: Error naming the archive and the entry, also for an image that is a link.
PackInput openArchive(const std::filesystem::path& path, const std::filesystem::path& scratch);

}  // namespace sphereface
