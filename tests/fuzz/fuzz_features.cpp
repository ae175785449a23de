// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

// Feature files: a letter that says which, then the file.

#include "base/atomic_file.h"
#include "evaluation/devkit_feature.h"
#include "evaluation/feature_file.h"
#include "tests/fuzz/fuzz.h"

namespace sphereface::fuzz {

std::vector<std::string> seeds() {
  FeatureSet set;
  set.names = {"a/1.jpg", "b/2.jpg"};
  set.rows = 2;
  set.dim = 3;
  set.values = {1, 2, 3, 4, 5, 6};
  set.color_order = "BGR";
  writeFeatures(folder() / "x.sff", set);
  writeFeatures(folder() / "x.npy", set);
  return {"s" + readFile(folder() / "x.sff"), "n" + readFile(folder() / "x.npy"),
          "d" + devkitFeatureBytes(set.row(0))};
}

void fuzzOne(std::string_view bytes) {
  if (bytes.empty()) return;
  const std::string_view file = bytes.substr(1);
  switch (bytes[0]) {
    case 's':
      readFeatures(fileOf(file, "x.sff"));
      break;
    case 'n':
      readFeatures(fileOf(file, "x.npy"));
      break;
    default:
      readDevkitFeature(fileOf(file, "x.bin"));
  }
}

}  // namespace sphereface::fuzz
