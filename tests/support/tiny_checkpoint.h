// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <vector>

#include "model/checkpoint.h"

namespace sphereface::testing {

/// Commits a checkpoint of six numbers in two tensors, the second of them in a part of its own.
inline CheckpointManifest writeTinyCheckpoint(const std::filesystem::path& folder, uint64_t step,
                                              std::optional<double> loss = std::nullopt) {
  using Part = CheckpointManifest::Part;
  const std::filesystem::path work = folder.string() + ".work";
  CheckpointManifest manifest;
  manifest.set_format_version(kCheckpointFormat);
  manifest.set_step(step);
  manifest.set_forward_passes(step);
  manifest.set_classes(1);
  manifest.mutable_config()->mutable_network()->set_name("custom");
  if (loss) manifest.set_loss(*loss);
  const std::vector<float> numbers = {1, -2, 3, -4, 5, -6};
  for (const uint64_t offset : {0, 4}) {
    CheckpointManifest::Tensor& tensor = *manifest.add_tensor();
    tensor.set_name(offset == 0 ? "conv.0" : "head.0");
    tensor.add_dim(offset == 0 ? 2 : 1);
    tensor.add_dim(2);
    tensor.set_offset(offset);
    for (const Part::Content content : {Part::PARAMETERS, Part::MOMENTUM}) {
      *manifest.add_part() = writeCheckpointSlice(
          work, {content, offset, {std::span(numbers).subspan(offset, offset == 0 ? 4 : 2)}});
    }
  }
  commitCheckpoint(work, manifest, folder);
  return manifest;
}

}  // namespace sphereface::testing
