// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

// MegaFace's lists: a letter that says which, then the file.

#include "evaluation/megaface_list.h"
#include "tests/fuzz/fuzz.h"

namespace sphereface::fuzz {

std::vector<std::string> seeds() {
  const std::string list = R"({"id": ["p", "p", "q"], "path": ["p/1.png", "p/2.png", "q/3.png"]})";
  return {"i" + list, "d" + list, "d[1e999]", "p2\np/1.png\nq/3.png\n", "b1.png\n"};
}

void fuzzOne(std::string_view bytes) {
  if (bytes.empty()) return;
  const std::string_view file = bytes.substr(1);
  if (bytes[0] == 'i' || bytes[0] == 'd') {
    readMegafaceList(fileOf(file, "list.json"), bytes[0] == 'i');
    return;
  }
  const MegafaceList list{"list.json", {"p/1.png", "p/2.png", "q/3.png"}, {"p", "p", "q"}, ""};
  removeNoise(list, fileOf(file, "noise.txt"),
              bytes[0] == 'p' ? NoiseNames::kPath : NoiseNames::kBaseName);
}

}  // namespace sphereface::fuzz
