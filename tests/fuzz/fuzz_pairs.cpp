// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/pairs.h"
#include "tests/fuzz/fuzz.h"

namespace sphereface::fuzz {

std::vector<std::string> seeds() {
  std::string plain;
  std::string leading;
  for (int i = 0; i < 10; ++i) {
    plain += "a/1.jpg b/2.png 1\n";
    leading += "0 a/1.jpg b/2.png\n";
  }
  return {"2 1\nAnn 1 4\nAnn\t12\tBob\t3\nCid 2 3\nCid 1 Dee 1\n", plain, leading};
}

void fuzzOne(std::string_view bytes) {
  distinctImages(readPairs(fileOf(bytes, "pairs.txt")));
}

}  // namespace sphereface::fuzz
