// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What a number may be, written as in mathematics: "[1, 604800] seconds", "(0, 1]",
// "[-1e9, 0) or (0, 1e9]". Configuration fields and command-line options have one each, so that
// both are refused in the same words.

#pragma once

#include <charconv>
#include <concepts>
#include <string>
#include <type_traits>
#include <vector>

#include "base/error.h"

namespace sphereface {

/// The shortest text that reads as the same number.
template <class Number>
std::string numberText(Number value) {
  char digits[32];
  return {digits, std::to_chars(digits, digits + sizeof digits, value).ptr};
}

class Interval {
 public:
  /// A unit may follow the last bracket. errors: Error when the text isn't of that form.
  Interval(std::string text);  // NOLINT(google-explicit-constructor): is written as its text
  Interval(const char* text)
      : Interval(std::string(text)) {}  // NOLINT(google-explicit-constructor)

  /// False of NaN and infinities. An end is what it is as a Number: 0.1 is no binary fraction.
  template <class Number>
  bool contains(Number value) const {
    for (const Piece& piece : pieces_) {
      long double least = piece.least;
      long double most = piece.most;
      if constexpr (std::floating_point<Number>) {
        least = static_cast<Number>(least);
        most = static_cast<Number>(most);
      }
      const long double at = value;
      if ((piece.with_least ? at >= least : at > least) &&
          (piece.with_most ? at <= most : at < most)) {
        return true;
      }
    }
    return false;
  }

  /// "1.5 is outside [0, 1)".
  std::string refusal(const std::string& value) const {
    return concat(value, " is outside ", text_);
  }

  const std::string& text() const { return text_; }

 private:
  struct Piece {
    long double least = 0;  // holds every uint64_t
    long double most = 0;
    bool with_least = false;
    bool with_most = false;
  };

  std::string text_;
  std::vector<Piece> pieces_;
};

}  // namespace sphereface
