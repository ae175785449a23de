// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <opencv2/core.hpp>
#include <span>
#include <string>
#include <vector>

#include "kernels/engine.h"
#include "kernels/network.h"
#include "proto/checkpoint.pb.h"

namespace sphereface {

/// What to do with the mirrored image: leave it, append its embedding (as SphereFace is evaluated),
/// or add it (as ArcFace is).
enum class Mirror { kNone, kConcat, kSum };

/// errors: UsageError for anything but "none", "concat", "sum".
Mirror mirrorFromName(const std::string& name);
std::string mirrorName(Mirror mirror);

struct ExtractOptions {
  std::filesystem::path checkpoint;
  Mirror mirror = Mirror::kConcat;
  int batch = 64;
  Device device = Device::kCpu;
  int device_index = 0;  // of several GPUs
  int threads = 0;       // that read images and, on a CPU, compute; 0: all cores
};

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
