// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/import/pack_input.h"
#include "tests/fuzz/fuzz.h"

namespace sphereface::fuzz {

std::vector<std::string> seeds() {
  return {"a/1.png 0\na/2.png 0\r\nb/with space.png\t1\n\n/abs/c/1.jpg 2", "x 2147483647\n"};
}

void fuzzOne(std::string_view bytes) {
  const PackInput input = openImageList(fileOf(bytes, "list.txt"));
  for (const PackImage& image : input.images)
    input.place(image.at);
}

}  // namespace sphereface::fuzz
