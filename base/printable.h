// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Names come from files' names, archives and lists of others. A terminal obeys what is in them: an
// escape sequence can clear the screen, rewrite what stood there, or put words into the log.

#pragma once

#include <string>
#include <string_view>

namespace sphereface {

/// `text` with each byte of a control character (C0, DEL, C1), and each that is no UTF-8, as \xNN,
/// but for tabs, and newlines between a text's lines.
std::string printable(std::string_view text);
/// The same, newlines too.
std::string printableLine(std::string_view text);

}  // namespace sphereface
