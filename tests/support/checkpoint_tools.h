// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <filesystem>
#include <memory>

#include "data/align/alignment_template.h"
#include "kernels/engine.h"
#include "model/checkpoint.h"
#include "model/initialize.h"
#include "model/network_config.h"

namespace sphereface::testing {

/// Writes and commits all of the engine's state as one worker does. Returns the manifest as
/// committed.
inline CheckpointManifest writeCheckpoint(Engine& engine, const Network& network,
                                          CheckpointManifest manifest,
                                          const std::filesystem::path& folder) {
  const std::filesystem::path work = folder.string() + ".work";
  describeTensors(network, manifest);
  for (const CheckpointSlice& slice : checkpointSlices(engine, network, 0, true))
    *manifest.add_part() = writeCheckpointSlice(work, slice);
  commitCheckpoint(work, manifest, folder);
  return manifest;
}

/// A small network for aligned faces with random weights.
inline CheckpointManifest writeUntrainedCheckpoint(const std::filesystem::path& folder) {
  CheckpointManifest manifest;
  NetworkConfig& network_config = *manifest.mutable_config()->mutable_network();
  network_config.set_name("custom");
  network_config.set_height(kAlignedHeight);
  network_config.set_width(kAlignedWidth);
  network_config.set_embedding(48);
  for (const uint32_t channels : {8, 12, 16})
    network_config.add_stage()->set_channels(channels);
  EngineOptions options;
  options.network = buildNetwork(network_config);
  options.classes = 2;
  options.batch = 1;
  const std::unique_ptr<Engine> engine = makeEngine(Device::kCpu, options);
  initializeTrunk(options.network, 1, engine->trunk().parameters);
  initializeHead(0, options.classes, options.network.embedding, 1, engine->head().parameters);
  manifest.set_step(0);
  manifest.set_classes(2);
  manifest.set_color_order("BGR");
  manifest.set_alignment_template(kAlignmentTemplate);
  manifest.set_normalization_mean(127.5F);
  manifest.set_normalization_scale(0.0078125F);
  manifest.set_dataset_sha256("none");
  return writeCheckpoint(*engine, options.network, manifest, folder);
}

}  // namespace sphereface::testing
