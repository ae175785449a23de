// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <gtest/gtest.h>

#include <string>

#include "doctor/finding.h"

namespace sphereface::doctor {

inline bool says(const std::string& text, const std::string& words) {
  return text.find(words) != std::string::npos;
}

/// The state, words of what was found, words of the fix, which is there when it is needed.
inline void expectFinding(const Finding& finding, State state, const std::string& found,
                          const std::string& fix = "") {
  EXPECT_EQ(finding.state, state) << finding.found;
  EXPECT_TRUE(says(finding.found, found)) << finding.found << "\nexpected: " << found;
  EXPECT_TRUE(says(finding.fix, fix)) << finding.fix << "\nexpected: " << fix;
  const bool needs_fix = state == State::kWarn || state == State::kFail;
  EXPECT_EQ(!finding.fix.empty(), needs_fix) << finding.fix;
}

}  // namespace sphereface::doctor
