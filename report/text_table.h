// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <string>
#include <vector>

namespace sphereface {

/// A table for terminals.
///
///   TextTable table({-8, 10});
///   table.row({"person", "photos"});  // "person      photos\n"
class TextTable {
 public:
  /// How many characters each column has. As in printf's formats, texts are on the right of a
  /// column, and on the left of one whose width is negative; a longer text moves what follows.
  explicit TextTable(std::vector<int> widths) : widths_(std::move(widths)) {}

  /// requires: no more cells than columns.
  void row(const std::vector<std::string>& cells);
  const std::string& text() const { return text_; }

 private:
  std::vector<int> widths_;
  std::string text_;
};

}  // namespace sphereface
