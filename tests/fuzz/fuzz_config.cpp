// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "model/train_config.h"
#include "tests/fuzz/fuzz.h"

namespace sphereface::fuzz {

std::vector<std::string> seeds() {
  return {
      "data { lmdb: \"x\" mirror: true } network { name: \"sphereface-4\" }\n"
      "head { type: A_SOFTMAX margin: 4 lambda { base: 1000 gamma: 0.12 power: 1 } }\n"
      "solver { batch_size: 8 steps: 10 policy: MULTISTEP step_value: 5 gamma: 0.1 }\n"
      "checkpoint { every_steps: 5 } run_folder: \"runs/x\"\n",
      "data { lmdb: \"x\" } solver { epochs: 2 unit: EPOCHS warmup: 1 } worker { threads: 2 }\n"};
}

void fuzzOne(std::string_view bytes) {
  loadTrainConfig(fileOf(bytes, "config.textproto"), {});
}

}  // namespace sphereface::fuzz
