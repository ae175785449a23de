// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Files that are either whole or absent: written beside their final name, fsynced, renamed.

#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace sphereface {

/// Replaces `path` by `bytes`. A reader sees the old file or the new one, also after a power cut.
/// errors: Error naming the file and the system's reason (disk full, no permission, ...); the old
/// file is then untouched.
void writeFileAtomically(const std::filesystem::path& path, std::string_view bytes);
/// The same of several pieces, one after the other.
void writeFileAtomically(const std::filesystem::path& path,
                         std::span<const std::string_view> pieces);

/// Renames a finished `from` to `to` (same file system) and makes the rename durable. Before it,
/// every file below `from` is fsynced.
void commitDirectory(const std::filesystem::path& from, const std::filesystem::path& to);

/// The whole file. errors: Error naming the file.
std::string readFile(const std::filesystem::path& path);

}  // namespace sphereface
