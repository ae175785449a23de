// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// A network with its weights in memory: what every format is read into and written from.

#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "kernels/network.h"
#include "proto/checkpoint.pb.h"

namespace sphereface {

struct TrainedModel {
  // Without tensors and parts. classes 0: no head.
  CheckpointManifest manifest;
  Network network;
  // The network's arena, then the head [classes, embedding], row-major.
  std::vector<float> parameters;
  // Laid out alike; empty: all 0.
  std::vector<float> momentum;

  std::span<const float> values(const Parameter& parameter) const {
    return std::span(parameters).subspan(parameter.offset, parameter.count);
  }
  std::span<const float> head() const {
    return std::span(parameters).subspan(network.parameter_count);
  }
};

/// What SphereFace's published models expect of an image, for a model in a format that doesn't say:
/// planes B, G, R, (byte - 127.5) / 128, and for 112x96 images the published alignment.
void assumePublishedPreprocessing(TrainedModel& model);

/// The message in text format, on one line.
std::string networkText(const NetworkConfig& config);

/// LAYER of a parameter LAYER.INDEX, and INDEX.
std::string layerOf(const Parameter& parameter);
int blobIndexOf(const Parameter& parameter);

/// Whether so many numbers fit into a protobuf message, of 2 GB at most, with their description.
bool fitInMessage(uint64_t numbers);

/// "512 x 3 x 3", for messages.
template <class Extents>
std::string shapeText(const Extents& extents);

/// The momenta, as many numbers as the parameters, are only read when they are needed.
/// errors: Error as readCheckpointManifest and loadCheckpoint.
TrainedModel readTrainedCheckpoint(const std::filesystem::path& folder, bool with_momentum);

/// Writes a checkpoint folder: whole, or not at all.
/// errors: Error when something with that name exists, or it can't be written.
void writeTrainedCheckpoint(const TrainedModel& model, const std::filesystem::path& folder);

template <class Extents>
std::string shapeText(const Extents& extents) {
  std::string text;
  for (const auto extent : extents)
    text += (text.empty() ? "" : " x ") + std::to_string(extent);
  return text.empty() ? "one number" : text;
}

}  // namespace sphereface
