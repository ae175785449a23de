// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What `sphereface inspect` can look at: one function each, which prints and returns what --json
// writes.

#pragma once

#include <filesystem>
#include <string>

#include "base/json.h"
#include "proto/config.pb.h"

namespace sphereface {

struct ContactSheetRequest {
  std::string file;     // empty: none
  std::string augment;  // configuration whose random variants are shown; empty: images as they are
  size_t rows = 8;
  size_t columns = 8;
};

/// A packed data set; `verify` reads every record.
Json inspectDataset(const std::filesystem::path& folder, const ContactSheetRequest& sheet,
                    bool verify);

/// A checkpoint; `verify` compares the parts' checksums.
Json inspectCheckpoint(const std::filesystem::path& folder, bool verify);

/// A network's layers; with classes > 0 also the head.
Json inspectNetwork(const NetworkConfig& config, size_t classes);

}  // namespace sphereface
