// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "model/checkpoint.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <functional>
#include <map>
#include <string_view>
#include <system_error>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/sha256.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

constexpr size_t kPiece = 1 << 18;  // floats read at a time
constexpr const char* kStepPrefix = "step-";
constexpr const char* kWorkPrefix = ".writing-";
constexpr const char* kGoingSuffix = ".old";

using Part = CheckpointManifest::Part;

std::string_view bytesOf(std::span<const float> values) {
  return {reinterpret_cast<const char*>(values.data()), values.size_bytes()};
}

std::string fileName(Part::Content content, uint64_t offset) {
  const char* const name = content == Part::PARAMETERS ? kParametersFile : kMomentumFile;
  if (offset == 0) return name;
  return concat(fs::path(name).stem().string(), "-", offset, ".bin");
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

/// Wanted numbers: those from `offset` on, for a part of an engine's arena.
struct Numbers {
  uint64_t offset = 0;
  std::span<float> values;

  uint64_t end() const { return offset + values.size(); }
};

/// Puts numbers where they are wanted: into the memory of an engine, or of the host.
using Put = std::function<void(std::span<const float> from, std::span<float> to)>;

/// Copies what of `wanted` lies at [at, at + piece.size()). Answers how many numbers that was.
size_t copyPiece(uint64_t at, std::span<const float> piece, const std::vector<Numbers>& wanted,
                 const Put& put) {
  size_t copied = 0;
  for (const Numbers& numbers : wanted) {
    const uint64_t from = std::max(numbers.offset, at);
    const uint64_t to = std::min(numbers.end(), at + piece.size());
    if (from >= to) continue;
    put(piece.subspan(from - at, to - from),
        numbers.values.subspan(from - numbers.offset, to - from));
    copied += to - from;
  }
  return copied;
}

/// The same of a whole part, which is compared with its checksum; one that has nothing wanted isn't
/// read.
size_t readPart(const fs::path& folder, const Part& part, const std::vector<Numbers>& wanted,
                const Put& put) {
  const uint64_t end = part.offset() + part.bytes() / sizeof(float);
  const bool needed = std::ranges::any_of(wanted, [&](const Numbers& numbers) {
    return numbers.offset < end && numbers.end() > part.offset();
  });
  if (!needed) return 0;
  const fs::path path = folder / part.file();
  std::ifstream in(path, std::ios::binary);
  if (!in) throw Error(concat("cannot open ", path.string()));
  Sha256 hash;
  size_t copied = 0;
  std::vector<float> piece;
  for (uint64_t at = part.offset(); at < end; at += piece.size()) {
    piece.resize(std::min<uint64_t>(kPiece, end - at));
    in.read(reinterpret_cast<char*>(piece.data()),
            static_cast<std::streamsize>(piece.size() * sizeof(float)));
    if (!in) throw Error(concat("cannot read ", path.string()));
    hash.update(piece.data(), piece.size() * sizeof(float));
    copied += copyPiece(at, piece, wanted, put);
  }
  if (hash.hex() != part.sha256()) {
    throw Error(concat(path.string(), ": damaged (its SHA-256 isn't the manifest's)"));
  }
  return copied;
}

/// Reads `wanted` from whichever parts have it.
void readNumbers(const fs::path& folder, const CheckpointManifest& manifest, Part::Content content,
                 const std::vector<Numbers>& wanted, const Put& put) {
  size_t count = 0;
  for (const Numbers& numbers : wanted)
    count += numbers.values.size();
  size_t found = 0;
  for (const Part& part : manifest.part()) {
    if (part.content() == content) found += readPart(folder, part, wanted, put);
  }
  if (found != count) {
    throw Error(concat(folder.string(), ": its parts of ", Part::Content_Name(content), " hold ",
                       found, " of the ", count, " numbers that network and head need"));
  }
}

Put into(Engine& engine) {
  return [&engine](std::span<const float> from, std::span<float> to) { engine.write(from, to); };
}

/// Where a class's row begins.
uint64_t rowOffset(const Network& network, uint64_t row) {
  return network.parameter_count + row * static_cast<uint64_t>(network.embedding);
}

std::string stepName(uint64_t step) {
  std::string digits = std::to_string(step);
  if (digits.size() < 8) digits.insert(0, 8 - digits.size(), '0');
  return kStepPrefix + digits;
}

/// Of a name that stepName() gives, and no other.
std::optional<uint64_t> stepOf(std::string_view name) {
  if (!name.starts_with(kStepPrefix)) return std::nullopt;
  const std::string_view digits = name.substr(std::string_view(kStepPrefix).size());
  uint64_t step = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), step);
  if (error != std::errc() || stepName(step) != name) return std::nullopt;
  return step;
}

/// What lies in a run's folder of checkpoints.
std::vector<fs::path> entriesOf(const fs::path& run) {
  std::vector<fs::path> found;
  if (!fs::is_directory(run / "checkpoints")) return found;
  for (const fs::directory_entry& entry : fs::directory_iterator(run / "checkpoints"))
    found.push_back(entry.path());
  return found;
}

}  // namespace

std::vector<CheckpointSlice> checkpointSlices(Engine& engine, const Network& network,
                                              uint64_t first_class, bool with_trunk) {
  const Arena trunk = engine.trunk();
  const Arena head = engine.head();
  const uint64_t offset = with_trunk ? 0 : rowOffset(network, first_class);
  std::vector<CheckpointSlice> slices = {{Part::PARAMETERS, offset, {head.parameters}},
                                         {Part::MOMENTUM, offset, {head.momentum}}};
  if (with_trunk) {
    slices[0].pieces.insert(slices[0].pieces.begin(), trunk.parameters);
    slices[1].pieces.insert(slices[1].pieces.begin(), trunk.momentum);
  }
  return slices;
}

void describeTensors(const Network& network, CheckpointManifest& manifest) {
  manifest.set_format_version(kCheckpointFormat);
  for (const Parameter& p : network.parameters)
    addTensor(manifest, p.name, p.shape, p.offset);
  addTensor(manifest, "head.0", {manifest.classes(), static_cast<size_t>(network.embedding)},
            network.parameter_count);
}

CheckpointManifest::Part writeCheckpointSlice(const fs::path& folder,
                                              const CheckpointSlice& slice) {
  makeWorkFolder(folder);
  std::vector<std::string_view> pieces;
  Sha256 hash;
  size_t bytes = 0;
  for (const std::span<const float> values : slice.pieces) {
    pieces.push_back(bytesOf(values));
    hash.update(pieces.back());
    bytes += pieces.back().size();
  }
  Part part;
  part.set_file(fileName(slice.content, slice.offset));
  part.set_bytes(bytes);
  part.set_sha256(hash.hex());
  part.set_content(slice.content);
  part.set_offset(slice.offset);
  writeFileAtomically(folder / part.file(), pieces);
  return part;
}

void commitCheckpoint(const fs::path& folder, const CheckpointManifest& manifest,
                      const fs::path& final_folder) {
  writeCheckpointManifest(folder, manifest);
  if (fs::exists(final_folder)) removeCheckpoint(final_folder);
  commitDirectory(folder, final_folder);
}

fs::path checkpointFolder(const fs::path& run, uint64_t step) {
  return run / "checkpoints" / stepName(step);
}

fs::path checkpointWorkFolder(const fs::path& run, uint64_t step) {
  return run / "checkpoints" / (kWorkPrefix + stepName(step));
}

void removeCheckpoint(const fs::path& folder) {
  const fs::path going =
      folder.parent_path() / (kWorkPrefix + folder.filename().string() + kGoingSuffix);
  fs::rename(folder, going);
  fs::remove_all(going);
}

bool holdCheckpoint(const fs::path& checkpoint, const fs::path& held) {
  fs::remove_all(held);
  fs::create_directories(held);
  std::error_code failure;
  using Copy = fs::copy_options;
  fs::copy(checkpoint, held, Copy::recursive | Copy::create_hard_links, failure);
  if (failure && fs::exists(checkpoint)) {
    fs::copy(checkpoint, held, Copy::recursive | Copy::overwrite_existing, failure);
  }
  // A checkpoint that went meanwhile went by being renamed: what was linked before is not all.
  if (!failure && fs::exists(checkpoint)) return true;
  fs::remove_all(held);
  if (fs::exists(checkpoint)) {
    throw Error(concat(checkpoint.string(), " can't be copied to ", held.string(), ": ",
                       failure.message()));
  }
  return false;
}

void removeUncommittedCheckpoints(const fs::path& run) {
  for (const fs::path& folder : entriesOf(run)) {
    const std::string text = folder.filename().string();
    std::string_view name = text;
    if (!name.starts_with(kWorkPrefix)) continue;
    name.remove_prefix(std::string_view(kWorkPrefix).size());
    if (name.ends_with(kGoingSuffix)) name.remove_suffix(std::string_view(kGoingSuffix).size());
    if (stepOf(name)) fs::remove_all(folder);
  }
}

std::vector<fs::path> listCheckpoints(const fs::path& run) {
  std::map<uint64_t, fs::path> found;
  for (const fs::path& entry : entriesOf(run)) {
    const std::optional<uint64_t> step = stepOf(entry.filename().string());
    if (step && fs::is_directory(entry)) found[*step] = entry;
  }
  std::vector<fs::path> folders;
  folders.reserve(found.size());
  for (auto& [step, folder] : found)
    folders.push_back(std::move(folder));
  return folders;
}

fs::path findCheckpoint(const fs::path& named) {
  const std::vector<fs::path> of_run = listCheckpoints(named);
  const fs::path& found = of_run.empty() ? named : of_run.back();
  readCheckpointManifest(found);
  return found;
}

void loadCheckpoint(const fs::path& folder, const CheckpointManifest& manifest,
                    const Network& network, Engine& engine, uint64_t first_class) {
  checkLayout(folder, manifest, network);
  const Arena trunk = engine.trunk();
  const Arena head = engine.head();
  const uint64_t row = rowOffset(network, first_class);
  readNumbers(folder, manifest, Part::PARAMETERS, {{0, trunk.parameters}, {row, head.parameters}},
              into(engine));
  if (trunk.momentum.empty()) return;
  readNumbers(folder, manifest, Part::MOMENTUM, {{0, trunk.momentum}, {row, head.momentum}},
              into(engine));
}

std::vector<float> readCheckpointNumbers(const fs::path& folder, const CheckpointManifest& manifest,
                                         const Network& network, Part::Content content) {
  checkLayout(folder, manifest, network);
  uint64_t held = 0;
  for (const Part& part : manifest.part()) {
    if (part.content() == content) held += part.bytes() / sizeof(float);
  }
  const uint64_t count = rowOffset(network, manifest.classes());
  if (held != count) {
    throw Error(concat(folder.string(), ": its parts of ", Part::Content_Name(content), " hold ",
                       held, " numbers, network and head have ", count));
  }
  std::vector<float> numbers(count);
  readNumbers(folder, manifest, content, {{0, numbers}},
              [](std::span<const float> from, std::span<float> to) {
                std::copy(from.begin(), from.end(), to.begin());
              });
  return numbers;
}

std::string initializeFromCheckpoint(const fs::path& folder, const DatasetManifest& data,
                                     const Network& network, Engine& engine, uint64_t first_class) {
  const CheckpointManifest manifest = readCheckpointManifest(folder);
  const std::string colors = DatasetManifest::ColorOrder_Name(data.color_order());
  if (manifest.color_order() != colors ||
      manifest.alignment_template() != data.alignment_template()) {
    throw Error(concat(folder.string(), " was trained on ", manifest.color_order(),
                       " images of template ", manifest.alignment_template(),
                       ", this data set has ", colors, " and ", data.alignment_template()));
  }
  checkLayout(folder, manifest, network);
  const bool same_classes = manifest.classes() > 0 && manifest.dataset_sha256() == data.sha256();
  std::vector<Numbers> wanted = {{0, engine.trunk().parameters}};
  if (same_classes) {
    wanted.push_back({rowOffset(network, first_class), engine.head().parameters});
  }
  readNumbers(folder, manifest, Part::PARAMETERS, wanted, into(engine));
  if (same_classes) return "network and head";
  if (manifest.classes() == 0) return "the network's; the head starts anew, as it has none";
  return concat("the network's; the head starts anew, as its ", manifest.classes(),
                " classes are those of another data set");
}

std::string modelChecksum(const CheckpointManifest& manifest) {
  for (const Part& part : manifest.part()) {
    if (part.content() == Part::PARAMETERS && part.offset() == 0) return part.sha256();
  }
  throw Error(
      concat("checkpoint of step ", manifest.step(), ": no part has the network's parameters"));
}

}  // namespace sphereface
