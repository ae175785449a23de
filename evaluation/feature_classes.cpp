// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/feature_classes.h"

#include "base/error.h"

namespace sphereface {

std::map<std::string, std::vector<size_t>> rowsOfClasses(const FeatureSet& features) {
  std::map<std::string, std::vector<size_t>> rows;
  for (size_t i = 0; i < features.rows; ++i) {
    const size_t slash = features.names[i].rfind('/');
    if (slash == std::string::npos) {
      throw Error(concat("feature ", i, " (", features.names[i],
                         ") is in no folder, which would be its class"));
    }
    rows[features.names[i].substr(0, slash)].push_back(i);
  }
  return rows;
}

}  // namespace sphereface
