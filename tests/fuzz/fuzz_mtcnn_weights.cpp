// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "base/error.h"
#include "data/align/mtcnn_weights.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/mtcnn_models.h"

namespace sphereface::fuzz {
namespace {

const MtcnnTable kSmall = {"net",
                           "caffe",
                           "onnx",
                           8,
                           {{3, 3, false, {{"conv1", 2}}, "prelu1", 2, 2},
                            {2, 3, true, {{"conv2", 3}}, "prelu2"},
                            {3, 1, true, {{"conv3-1", 2}, {"conv3-2", 4}}}}};

}  // namespace

/// A small network in both forms.
std::vector<std::string> seeds() {
  const auto weights = randomMtcnnWeights(kSmall, 1);
  return {mtcnnOnnx(kSmall, weights).SerializeAsString(),
          mtcnnCaffe(kSmall, weights).SerializeAsString()};
}

void fuzzOne(std::string_view bytes) {
  try {
    readMtcnnOnnx(kSmall, bytes, "input");
  } catch (const Error&) {  // then it may be the other form
  }
  readMtcnnCaffe(kSmall, bytes, "input");
}

}  // namespace sphereface::fuzz
