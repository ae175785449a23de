// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "report/text_table.h"

#include "base/printable.h"

#include <algorithm>
#include <cstdlib>

namespace sphereface {

void TextTable::row(const std::vector<std::string>& cells) {
  for (size_t i = 0; i < cells.size(); ++i) {
    const auto width = static_cast<size_t>(std::abs(widths_[i]));
    const std::string cell = printableLine(cells[i]);
    const std::string blanks(width - std::min(width, cell.size()), ' ');
    text_ += widths_[i] < 0 ? cell + blanks : blanks + cell;
  }
  text_ += '\n';
}

}  // namespace sphereface
