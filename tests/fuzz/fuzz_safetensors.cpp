// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "base/atomic_file.h"
#include "convert/safetensors.h"
#include "model/network_config.h"
#include "tests/fuzz/fuzz.h"

namespace sphereface::fuzz {

std::vector<std::string> seeds() {
  TrainedModel model;
  NetworkConfig& config = *model.manifest.mutable_config()->mutable_network();
  config.set_name("custom");
  config.set_height(8);
  config.set_width(8);
  config.set_embedding(4);
  config.add_stage()->set_channels(2);
  model.network = buildNetwork(config);
  model.manifest.set_classes(3);
  assumePublishedPreprocessing(model);
  model.parameters.resize(model.network.parameter_count + size_t{3} * 4);
  const std::filesystem::path file = folder() / "seed.safetensors";
  writeSafetensors(model, file);
  return {readFile(file)};
}

void fuzzOne(std::string_view bytes) {
  parseSafetensors(bytes, "input");
}

}  // namespace sphereface::fuzz
