// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "base/interval.h"

#include <cmath>
#include <cstdio>
#include <string_view>
#include <utility>

namespace sphereface {

Interval::Interval(std::string text) : text_(std::move(text)) {
  static_assert(sizeof(long double) > sizeof(double));
  constexpr std::string_view kOr = " or ";
  const char* at = text_.c_str();
  for (;; at += kOr.size()) {
    Piece piece;
    char open = 0;
    char close = 0;
    int length = 0;
    const int found =
        std::sscanf(at, "%c%Lf, %Lf%c%n", &open, &piece.least, &piece.most, &close, &length);
    piece.with_least = open == '[';
    piece.with_most = close == ']';
    if (found != 4 || (!piece.with_least && open != '(') || (!piece.with_most && close != ')') ||
        !std::isfinite(piece.least) || !std::isfinite(piece.most) || piece.least > piece.most) {
      throw Error(concat("\"", text_, "\" is no interval"));
    }
    pieces_.push_back(piece);
    at += length;
    if (!std::string_view(at).starts_with(kOr)) return;
  }
}

}  // namespace sphereface
