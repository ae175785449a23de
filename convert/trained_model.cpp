// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "convert/trained_model.h"

#include <google/protobuf/text_format.h>

#include <limits>
#include <system_error>

#include "base/error.h"
#include "data/align/alignment_template.h"
#include "model/checkpoint.h"
#include "model/network_config.h"

namespace sphereface {

namespace fs = std::filesystem;
using Part = CheckpointManifest::Part;

void assumePublishedPreprocessing(TrainedModel& model) {
  const bool published =
      model.network.height == kAlignedHeight && model.network.width == kAlignedWidth;
  model.manifest.set_color_order("BGR");
  model.manifest.set_alignment_template(published ? kAlignmentTemplate : "unknown");
  model.manifest.set_normalization_mean(model.network.mean);
  model.manifest.set_normalization_scale(model.network.scale);
}

std::string networkText(const NetworkConfig& config) {
  google::protobuf::TextFormat::Printer printer;
  printer.SetSingleLineMode(true);
  std::string text;
  printer.PrintToString(config, &text);
  if (text.ends_with(' ')) text.pop_back();
  return text;
}

std::string layerOf(const Parameter& parameter) {
  return parameter.name.substr(0, parameter.name.rfind('.'));
}

int blobIndexOf(const Parameter& parameter) {
  return parameter.name.back() - '0';
}

bool fitInMessage(uint64_t numbers) {
  constexpr uint64_t kDescription = 1 << 20;
  return numbers * sizeof(float) <= std::numeric_limits<int>::max() - kDescription;
}

TrainedModel readTrainedCheckpoint(const fs::path& folder, bool with_momentum) {
  TrainedModel model;
  model.manifest = readCheckpointManifest(folder);
  model.network = buildNetwork(model.manifest.config().network());
  model.parameters = readCheckpointNumbers(folder, model.manifest, model.network, Part::PARAMETERS);
  if (with_momentum) {
    model.momentum = readCheckpointNumbers(folder, model.manifest, model.network, Part::MOMENTUM);
  }
  model.manifest.clear_tensor();
  model.manifest.clear_part();
  return model;
}

void writeTrainedCheckpoint(const TrainedModel& model, const fs::path& folder) {
  if (fs::exists(folder)) throw Error(concat(folder.string(), " exists already"));
  const fs::path work = folder.string() + ".writing";
  try {
    fs::remove_all(work);
    CheckpointManifest manifest = model.manifest;
    describeTensors(model.network, manifest);
    *manifest.add_part() =
        writeCheckpointSlice(work, {Part::PARAMETERS, 0, {std::span(model.parameters)}});
    const std::vector<float> zeros(model.momentum.empty() ? model.parameters.size() : 0);
    const std::span<const float> momentum = model.momentum.empty() ? zeros : model.momentum;
    *manifest.add_part() = writeCheckpointSlice(work, {Part::MOMENTUM, 0, {momentum}});
    commitCheckpoint(work, manifest, folder);
  } catch (...) {
    std::error_code ignored;
    fs::remove_all(work, ignored);
    throw;
  }
}

}  // namespace sphereface
