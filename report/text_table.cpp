// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "report/text_table.h"

#include <algorithm>
#include <cstdlib>

namespace sphereface {

void TextTable::row(const std::vector<std::string>& cells) {
  for (size_t i = 0; i < cells.size(); ++i) {
    const auto width = static_cast<size_t>(std::abs(widths_[i]));
    const std::string blanks(width - std::min(width, cells[i].size()), ' ');
    text_ += widths_[i] < 0 ? cells[i] + blanks : blanks + cells[i];
  }
  text_ += '\n';
}

}  // namespace sphereface
