// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Where the data lie and where the run will be written.

#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "doctor/finding.h"
#include "plan/forecast.h"

namespace sphereface::doctor {

/// Name of a network file system by the number statfs() gives it; "" for all others.
std::string networkFileSystemName(long magic);
/// Of the file system that holds `path`; "" also when the system doesn't say.
std::string networkFileSystem(const std::filesystem::path& path);

/// LMDB maps its file, and reads a page here and a page there: a network file system makes that
/// slow, and can hang it. Locks are neither needed nor taken.
Finding fileSystemFinding(const std::filesystem::path& lmdb, const std::string& network_system);

/// The folder `sphereface train` would write to.
struct RunFolder {
  std::filesystem::path path;
  std::filesystem::path parent;  // the nearest that exists
  bool writable = false;         // the parent
  bool system_locks = true;      // or base/file_lock.h's own
  uint64_t free = 0;
  size_t checkpoints = 0;  // already in it
};
RunFolder runFolder(const std::filesystem::path& path);

/// `needed`: bytes of the checkpoints that are kept, and one that is being written.
Finding runFolderFinding(const RunFolder& folder, uint64_t needed);
uint64_t checkpointSpace(const Forecast& forecast);

}  // namespace sphereface::doctor
