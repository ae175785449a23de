// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <cstdlib>
#include <filesystem>

namespace sphereface {

/// The folder of research data that is not part of the repository (photographs, published models,
/// golden numbers): SPHEREFACE_SHARED, or else the one called `shared` beside the checkout. Tests
/// are skipped, saying so, where it doesn't exist.
inline std::filesystem::path sharedFolder() {
  const char* folder = std::getenv("SPHEREFACE_SHARED");
  const std::filesystem::path beside =
      std::filesystem::path(__FILE__).parent_path() / ".." / ".." / ".." / "shared";
  return folder != nullptr ? std::filesystem::path(folder) : beside;
}

inline std::filesystem::path sharedData(const std::filesystem::path& relative) {
  return sharedFolder() / "data" / relative;
}

}  // namespace sphereface

/// Ends the test when the research data `path` is absent.
#define SPHEREFACE_NEEDS(path)        \
  if (!std::filesystem::exists(path)) \
  GTEST_SKIP() << "needs " << (path).string() << " (see SPHEREFACE_SHARED)"
