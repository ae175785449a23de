// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <filesystem>

#include "data/import/pack_input.h"

namespace sphereface {

/// An LMDB of Caffe's Datums, as convert_imageset writes (encoded, or planar B, G, R; grey becomes
/// three equal planes) and `sphereface pack` too, whose manifest then gives the identities' names
/// and the alignment. Images are named by their keys without the eight digits and '_' in front.
/// errors: Error naming the file and the record.
PackInput openCaffeLmdb(const std::filesystem::path& folder);

}  // namespace sphereface
