// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Files that are either whole or absent: written beside their final name, fsynced, renamed.

#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace sphereface {

/// A file written in pieces, which takes `path`'s place when it is committed. A reader sees the old
/// file or the new one, also after a power cut; without a commit the old one stays.
/// The file beside it is a new one: a link of its name isn't followed.
/// errors: Error naming the file and the system's reason (disk full, no permission, ...).
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();

  void write(std::string_view bytes);
  /// Call once, last.
  void commit();

 private:
  struct Open;
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  std::unique_ptr<Open> open_;
};

/// Replaces `path` by `bytes`, as AtomicFile does.
void writeFileAtomically(const std::filesystem::path& path, std::string_view bytes);
/// The same of several pieces, one after the other.
void writeFileAtomically(const std::filesystem::path& path,
                         std::span<const std::string_view> pieces);

/// Adds a line at the end of a file, which is made if need be, in one write, and makes it durable.
/// A last line that somebody left incomplete is ended first.
void appendLine(const std::filesystem::path& path, const std::string& line);

/// Makes a folder for unfinished work, and those above it, unless it is there.
/// errors: Error when a symbolic link has its name, which would lead the work into other files.
void makeWorkFolder(const std::filesystem::path& folder);

/// Renames a finished `from` to `to` (same file system) and makes the rename durable. Before it,
/// every file below `from` is fsynced.
void commitDirectory(const std::filesystem::path& from, const std::filesystem::path& to);

/// The whole file. errors: Error naming the file.
std::string readFile(const std::filesystem::path& path);

}  // namespace sphereface
