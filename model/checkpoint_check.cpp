// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "model/checkpoint_check.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <span>

#include "base/error.h"
#include "base/sha256.h"
#include "model/checkpoint.h"

namespace sphereface {
namespace {

constexpr size_t kPiece = 1 << 18;  // floats read at a time

/// The numbers of one content, wherever the parts have them.
class PartsReader {
 public:
  PartsReader(std::filesystem::path folder, const CheckpointManifest& manifest,
              CheckpointManifest::Part::Content content)
      : folder_(std::move(folder)) {
    for (const CheckpointManifest::Part& part : manifest.part()) {
      if (part.content() == content) parts_.push_back(&part);
    }
  }

  /// Numbers from `at` on, as many as one part has of them; 0: no part has any.
  size_t read(uint64_t at, std::span<float> values) {
    for (const CheckpointManifest::Part* part : parts_) {
      const uint64_t end = part->offset() + part->bytes() / sizeof(float);
      if (at < part->offset() || at >= end) continue;
      if (part != open_) {
        in_ = std::ifstream(folder_ / part->file(), std::ios::binary);
        open_ = part;
      }
      const size_t count = std::min<uint64_t>(values.size(), end - at);
      in_.seekg(static_cast<std::streamoff>((at - part->offset()) * sizeof(float)));
      in_.read(reinterpret_cast<char*>(values.data()),
               static_cast<std::streamsize>(count * sizeof(float)));
      if (!in_) throw Error(concat("cannot read ", (folder_ / part->file()).string()));
      return count;
    }
    return 0;
  }

 private:
  std::filesystem::path folder_;
  std::vector<const CheckpointManifest::Part*> parts_;
  const CheckpointManifest::Part* open_ = nullptr;
  std::ifstream in_;
};

}  // namespace

std::vector<TensorSummary> summarizeTensors(const std::filesystem::path& folder,
                                            const CheckpointManifest& manifest,
                                            CheckpointManifest::Part::Content content) {
  PartsReader parts(folder, manifest, content);
  std::vector<TensorSummary> summaries;
  std::vector<float> piece(kPiece);
  for (const CheckpointManifest::Tensor& tensor : manifest.tensor()) {
    TensorSummary summary;
    summary.name = tensor.name();
    summary.dim.assign(tensor.dim().begin(), tensor.dim().end());
    double squares = 0;
    const uint64_t end = tensor.offset() + numbersOf(tensor);
    for (uint64_t at = tensor.offset(); at < end;) {
      const size_t count =
          parts.read(at, std::span(piece).first(std::min<uint64_t>(end - at, kPiece)));
      if (count == 0) {
        throw Error(concat(folder.string(), ": the parts of ",
                           CheckpointManifest::Part::Content_Name(content), " end within tensor ",
                           tensor.name()));
      }
      for (size_t k = 0; k < count; ++k) {
        const double value = piece[k];
        if (!std::isfinite(value)) {
          ++summary.not_finite;
          continue;
        }
        squares += value * value;
        summary.largest = std::max(summary.largest, std::abs(value));
      }
      at += count;
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
