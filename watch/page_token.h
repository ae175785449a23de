// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What a page asks for on a host that others use, too: known by the address that its owner opens,
// or by a file that only they can read.

#pragma once

#include <filesystem>
#include <string>

namespace sphereface {

/// 128 random bits, as hexadecimal digits. errors: Error when the system has none.
std::string newPageToken();

/// http://ADDRESS:PORT/?token=...
std::string secretAddress(const std::string& url, const std::string& token);

/// Replaces `path` by a file that only its owner can read, from its first byte on.
/// errors: Error naming the file and the system's reason.
void writePrivateFile(const std::filesystem::path& path, const std::string& text);

}  // namespace sphereface
