// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>
#include <memory>
#include <opencv2/core.hpp>
#include <span>
#include <vector>

#include "evaluation/extract.h"
#include "kernels/engine.h"
#include "kernels/network.h"
#include "proto/checkpoint.pb.h"

namespace sphereface {

/// A trained network, loaded once, that turns faces held in memory into features. Not thread-safe:
/// used by the thread that made it.
class Embedder {
 public:
  /// errors: Error when the checkpoint can't be read or the device isn't there.
  explicit Embedder(const ExtractOptions& options);

  /// Numbers of a feature.
  size_t dim() const;
  const Network& network() const { return network_; }
  const CheckpointManifest& manifest() const { return manifest_; }

  /// Features of `faces`, [faces, dim], row-major. requires: 8-bit BGR images of network().height x
  /// network().width. cost: of whole batches, the last one too.
  std::vector<float> embed(std::span<const cv::Mat> faces);

 private:
  ExtractOptions options_;
  CheckpointManifest manifest_;
  Network network_;
  std::unique_ptr<Engine> engine_;
  std::vector<uint8_t> bytes_;
  std::vector<float> embeddings_;
};

}  // namespace sphereface
