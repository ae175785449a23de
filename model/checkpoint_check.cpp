// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "model/checkpoint_check.h"

#include <algorithm>
#include <cmath>
#include <fstream>

#include "base/error.h"
#include "base/sha256.h"

namespace sphereface {
namespace {

constexpr size_t kPiece = 1 << 18;  // floats read at a time

uint64_t countOf(const CheckpointManifest::Tensor& tensor) {
  uint64_t count = 1;
  for (const uint64_t extent : tensor.dim())
    count *= extent;
  return count;
}

}  // namespace

std::vector<TensorSummary> summarizeTensors(const std::filesystem::path& folder,
                                            const CheckpointManifest& manifest,
                                            const std::string& file) {
  const std::filesystem::path path = folder / file;
  std::ifstream in(path, std::ios::binary);
  if (!in) throw Error(concat("cannot open ", path.string()));
  std::vector<TensorSummary> summaries;
  std::vector<float> piece(kPiece);
  for (const CheckpointManifest::Tensor& tensor : manifest.tensor()) {
    TensorSummary summary;
    summary.name = tensor.name();
    summary.dim.assign(tensor.dim().begin(), tensor.dim().end());
    in.seekg(static_cast<std::streamoff>(tensor.offset() * sizeof(float)));
    double squares = 0;
    for (uint64_t left = countOf(tensor); left > 0;) {
      const size_t count = std::min<uint64_t>(left, kPiece);
      in.read(reinterpret_cast<char*>(piece.data()),
              static_cast<std::streamsize>(count * sizeof(float)));
      if (!in) throw Error(concat(path.string(), ": ends within tensor ", tensor.name()));
      for (size_t k = 0; k < count; ++k) {
        const double value = piece[k];
        if (!std::isfinite(value)) {
          ++summary.not_finite;
          continue;
        }
        squares += value * value;
        summary.largest = std::max(summary.largest, std::abs(value));
      }
      left -= count;
    }
    summary.norm = std::sqrt(squares);
    summaries.push_back(std::move(summary));
  }
  return summaries;
}

void verifyCheckpoint(const std::filesystem::path& folder, const CheckpointManifest& manifest) {
  for (const CheckpointManifest::Part& part : manifest.part()) {
    const std::filesystem::path path = folder / part.file();
    if (sha256File(path) != part.sha256()) {
      throw Error(concat(path.string(), ": damaged (its SHA-256 isn't the manifest's)"));
    }
  }
}

}  // namespace sphereface
