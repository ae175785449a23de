// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "model/checkpoint.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/sha256.h"
#include "proto/text_format.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

constexpr const char* kManifest = "manifest.textproto";
constexpr uint32_t kFormatVersion = 1;
constexpr const char* kWorkPrefix = ".writing-";

std::string_view bytesOf(std::span<const float> values) {
  return {reinterpret_cast<const char*>(values.data()), values.size_bytes()};
}

void writePart(const fs::path& folder, const char* file, std::span<const float> trunk,
               std::span<const float> head, CheckpointManifest& manifest) {
  std::string bytes;
  bytes.reserve(trunk.size_bytes() + head.size_bytes());
  bytes += bytesOf(trunk);
  bytes += bytesOf(head);
  writeFileAtomically(folder / file, bytes);
  CheckpointManifest::Part& part = *manifest.add_part();
  part.set_file(file);
  part.set_bytes(bytes.size());
  part.set_sha256(sha256(bytes));
}

const CheckpointManifest::Part& partOf(const CheckpointManifest& manifest, const char* file) {
  for (const CheckpointManifest::Part& part : manifest.part()) {
    if (part.file() == file) return part;
  }
  throw Error(concat("checkpoint of step ", manifest.step(), ": the manifest names no ", file));
}

void addTensor(CheckpointManifest& manifest, const std::string& name,
               const std::vector<size_t>& shape, uint64_t offset) {
  CheckpointManifest::Tensor& tensor = *manifest.add_tensor();
  tensor.set_name(name);
  for (const size_t extent : shape)
    tensor.add_dim(extent);
  tensor.set_offset(offset);
}

std::string shapeText(const CheckpointManifest::Tensor& tensor) {
  std::string text;
  for (const uint64_t extent : tensor.dim())
    text += (text.empty() ? "" : "x") + std::to_string(extent);
  return text;
}

void checkLayout(const fs::path& folder, const CheckpointManifest& manifest,
                 const Network& network) {
  CheckpointManifest expected;
  for (const Parameter& p : network.parameters)
    addTensor(expected, p.name, p.shape, p.offset);
  for (int i = 0; i < expected.tensor_size(); ++i) {
    const CheckpointManifest::Tensor& want = expected.tensor(i);
    if (i >= manifest.tensor_size()) {
      throw Error(concat(folder.string(), ": tensor ", want.name(), " is missing"));
    }
    const CheckpointManifest::Tensor& have = manifest.tensor(i);
    if (have.SerializeAsString() != want.SerializeAsString()) {
      throw Error(concat(folder.string(), ": tensor ", have.name(), " (", shapeText(have),
                         ") where network ", network.name, " has ", want.name(), " (",
                         shapeText(want), ")"));
    }
  }
}

/// The checked bytes of one part as floats.
std::vector<float> readPart(const fs::path& folder, const CheckpointManifest::Part& part) {
  const fs::path path = folder / part.file();
  const std::string bytes = readFile(path);
  if (bytes.size() != part.bytes()) {
    throw Error(
        concat(path.string(), ": ", bytes.size(), " bytes, the manifest says ", part.bytes()));
  }
  if (sha256(bytes) != part.sha256()) {
    throw Error(concat(path.string(), ": damaged (its SHA-256 isn't the manifest's)"));
  }
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  return values;
}

void copyPart(const fs::path& folder, const CheckpointManifest::Part& part, std::span<float> trunk,
              std::span<float> head) {
  const std::vector<float> values = readPart(folder, part);
  if (values.size() < trunk.size() + head.size()) {
    throw Error(concat((folder / part.file()).string(), ": ", values.size(), " floats, need ",
                       trunk.size(), " for the network and ", head.size(), " for the head"));
  }
  std::copy_n(values.begin(), trunk.size(), trunk.begin());
  std::copy_n(values.begin() + static_cast<ptrdiff_t>(trunk.size()), head.size(), head.begin());
}

std::string stepName(uint64_t step) {
  std::string digits = std::to_string(step);
  if (digits.size() < 8) digits.insert(0, 8 - digits.size(), '0');
  return "step-" + digits;
}

}  // namespace

CheckpointManifest writeCheckpointParts(const fs::path& folder, Engine& engine,
                                        const Network& network, CheckpointManifest manifest) {
  fs::remove_all(folder);
  fs::create_directories(folder);
  manifest.set_format_version(kFormatVersion);
  for (const Parameter& p : network.parameters)
    addTensor(manifest, p.name, p.shape, p.offset);
  addTensor(manifest, "head.0", {manifest.classes(), static_cast<size_t>(network.embedding)},
            network.parameter_count);
  const Arena trunk = engine.trunk();
  const Arena head = engine.head();
  writePart(folder, kParametersFile, trunk.parameters, head.parameters, manifest);
  writePart(folder, kMomentumFile, trunk.momentum, head.momentum, manifest);
  return manifest;
}

void commitCheckpoint(const fs::path& folder, const CheckpointManifest& manifest,
                      const fs::path& final_folder) {
  writeFileAtomically(folder / kManifest, printText(manifest));
  fs::remove_all(final_folder);
  commitDirectory(folder, final_folder);
}

fs::path checkpointFolder(const fs::path& run, uint64_t step) {
  return run / "checkpoints" / stepName(step);
}

fs::path checkpointWorkFolder(const fs::path& run, uint64_t step) {
  return run / "checkpoints" / (kWorkPrefix + stepName(step));
}

void removeUncommittedCheckpoints(const fs::path& run) {
  if (!fs::is_directory(run / "checkpoints")) return;
  std::vector<fs::path> found;
  for (const fs::directory_entry& entry : fs::directory_iterator(run / "checkpoints")) {
    if (entry.path().filename().string().starts_with(kWorkPrefix)) found.push_back(entry.path());
  }
  for (const fs::path& folder : found)
    fs::remove_all(folder);
}

std::vector<fs::path> listCheckpoints(const fs::path& run) {
  std::vector<fs::path> found;
  if (!fs::is_directory(run / "checkpoints")) return found;
  for (const fs::directory_entry& entry : fs::directory_iterator(run / "checkpoints")) {
    if (entry.is_directory() && entry.path().filename().string().starts_with("step-")) {
      found.push_back(entry.path());
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

CheckpointManifest readCheckpointManifest(const fs::path& folder) {
  if (!fs::exists(folder / kManifest)) {
    throw Error(concat(folder.string(), " is no checkpoint: it has no ", kManifest));
  }
  CheckpointManifest manifest;
  parseTextFile(folder / kManifest, manifest);
  if (manifest.format_version() != kFormatVersion) {
    throw Error(concat((folder / kManifest).string(), ": format version ",
                       manifest.format_version(), ", this program reads ", kFormatVersion));
  }
  for (const CheckpointManifest::Part& part : manifest.part()) {
    const fs::path path = folder / part.file();
    if (!fs::exists(path)) throw Error(concat(path.string(), " is missing"));
    if (fs::file_size(path) != part.bytes()) {
      throw Error(concat(path.string(), ": ", fs::file_size(path), " bytes, the manifest says ",
                         part.bytes()));
    }
  }
  return manifest;
}

void loadCheckpoint(const fs::path& folder, const CheckpointManifest& manifest,
                    const Network& network, Engine& engine) {
  checkLayout(folder, manifest, network);
  const Arena trunk = engine.trunk();
  const Arena head = engine.head();
  copyPart(folder, partOf(manifest, kParametersFile), trunk.parameters, head.parameters);
  if (!trunk.momentum.empty()) {
    copyPart(folder, partOf(manifest, kMomentumFile), trunk.momentum, head.momentum);
  }
}

bool initializeFromCheckpoint(const fs::path& folder, const DatasetManifest& data,
                              const Network& network, std::span<float> trunk,
                              std::span<float> head) {
  const CheckpointManifest manifest = readCheckpointManifest(folder);
  const std::string colors = DatasetManifest::ColorOrder_Name(data.color_order());
  if (manifest.color_order() != colors ||
      manifest.alignment_template() != data.alignment_template()) {
    throw Error(concat(folder.string(), " was trained on ", manifest.color_order(),
                       " images of template ", manifest.alignment_template(),
                       ", this data set has ", colors, " and ", data.alignment_template()));
  }
  checkLayout(folder, manifest, network);
  const bool same_classes = manifest.dataset_sha256() == data.sha256();
  copyPart(folder, partOf(manifest, kParametersFile), trunk,
           same_classes ? head : std::span<float>());
  return same_classes;
}

std::string modelChecksum(const CheckpointManifest& manifest) {
  return partOf(manifest, kParametersFile).sha256();
}

}  // namespace sphereface
