// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "base/printable.h"

#include <cstddef>

namespace sphereface {
namespace {

unsigned char byteOf(std::string_view text, size_t at) {
  return static_cast<unsigned char>(text[at]);
}

/// Bytes of the character that begins the text, 1 to 4; 0: it isn't one of UTF-8.
size_t characterBytes(std::string_view text) {
  const unsigned char first = byteOf(text, 0);
  if (first < 0x80) return 1;
  const size_t bytes = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < bytes) return 0;
  for (size_t i = 1; i < bytes; ++i) {
    if ((byteOf(text, i) & 0xc0U) != 0x80) return 0;
  }
  // Too long a form, a surrogate, beyond the last character.
  const unsigned char second = byteOf(text, 1);
  const bool wrong = (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
                     (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f);
  return wrong ? 0 : bytes;
}

bool isControl(std::string_view character) {
  const unsigned char first = byteOf(character, 0);
  if (character.size() == 1) return first < 0x20 || first == 0x7f;
  return first == 0xc2 && byteOf(character, 1) < 0xa0;
}

std::string escaped(std::string_view text, bool newlines) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string shown;
  shown.reserve(text.size());
  while (!text.empty()) {
    const size_t bytes = characterBytes(text);
    const std::string_view character = text.substr(0, bytes == 0 ? 1 : bytes);
    text.remove_prefix(character.size());
    const bool kept = character == "\t" || (character == "\n" && !newlines);
    if (kept || (bytes > 0 && !isControl(character))) {
      shown += character;
      continue;
    }
    for (size_t i = 0; i < character.size(); ++i) {
      const unsigned char byte = byteOf(character, i);
      shown += "\\x";
      shown += kDigits[byte / 16];
      shown += kDigits[byte % 16];
    }
  }
  return shown;
}

}  // namespace

std::string printable(std::string_view text) {
  return escaped(text, false);
}

std::string printableLine(std::string_view text) {
  return escaped(text, true);
}

}  // namespace sphereface
