// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "convert/safetensors.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/json.h"
#include "model/checkpoint.h"
#include "model/network_config.h"
#include "proto/text_format.h"

namespace sphereface {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are written as they are");

// Some 40,000 tensors. Parsed JSON takes many times its text's memory, so the format's own limit of
// 100 MB would be several GB.
constexpr uint64_t kLargestHeader = 4 << 20;
constexpr const char* kMetadata = "__metadata__";

/// The tensors of the model's layout, as a checkpoint's manifest has them.
CheckpointManifest layoutOf(const Network& network, uint32_t classes) {
  CheckpointManifest layout;
  layout.set_classes(classes);
  describeTensors(network, layout);
  return layout;
}

/// The header of a file, and the bytes behind it.
class Reader {
 public:
  Reader(std::string_view bytes, std::string name) : name_(std::move(name)) {
    uint64_t length = 0;
    if (bytes.size() < sizeof length) fail("shorter than the length of a header");
    std::memcpy(&length, bytes.data(), sizeof length);
    bytes.remove_prefix(sizeof length);
    if (length > bytes.size()) {
      fail(concat("a header of ", length, " bytes, of which ", bytes.size(), " are there"));
    }
    if (length > kLargestHeader) fail(concat("a header of ", length, " bytes"));
    header_ = nlohmann::json::parse(bytes.substr(0, length), nullptr, false);
    if (!header_.is_object()) fail("its header is no JSON object");
    bytes_ = bytes.substr(length);
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw Error(concat(name_, ": no safetensors file of a SphereFace network: ", what));
  }

  /// Of the metadata. errors: Error when it isn't there.
  std::string text(const char* key) const {
    const auto metadata = header_.find(kMetadata);
    if (metadata == header_.end() || !metadata->is_object()) fail("it has no metadata");
    const auto value = metadata->find(key);
    if (value == metadata->end() || !value->is_string()) fail(concat("no \"", key, "\""));
    return value->get<std::string>();
  }

  uint64_t number(const char* key) const {
    const std::string digits = text(key);
    uint64_t value = 0;
    const char* const end = digits.data() + digits.size();
    if (std::from_chars(digits.data(), end, value).ptr != end || digits.empty()) {
      fail(concat("\"", key, "\" is \"", digits, "\", no number"));
    }
    return value;
  }

  /// errors: Error when the number isn't `expected`, but for what six decimals leave out.
  void expectNumber(const char* key, double expected) const {
    const std::string digits = text(key);
    double value = 0;
    const char* const end = digits.data() + digits.size();
    const auto read = std::from_chars(digits.data(), end, value);
    if (read.ec != std::errc() || read.ptr != end || !(std::abs(value - expected) < 1e-6)) {
      fail(concat("\"", key, "\" is \"", digits, "\", and here it is always ", expected));
    }
  }

  /// errors: Error naming a tensor that isn't one of these.
  void expectNoOthers(const CheckpointManifest& layout) const {
    std::set<std::string> known = {kMetadata};
    for (const CheckpointManifest::Tensor& tensor : layout.tensor())
      known.insert(tensor.name());
    for (const auto& [name, entry] : header_.items()) {
      if (!known.contains(name)) fail(concat("tensor ", name, " is none of its network"));
    }
  }

  /// Rows of head.0; 0 when there is none.
  uint64_t classes() const {
    const auto head = header_.find("head.0");
    if (head == header_.end()) return 0;
    const std::vector<uint64_t> shape = numbers(*head, "shape", "head.0");
    if (shape.size() != 2 || shape[0] > INT32_MAX) fail("tensor head.0 isn't classes x embedding");
    return shape[0];
  }

  /// The bytes of a tensor. errors: Error when it isn't of that shape, or not within the file.
  std::string_view tensor(const CheckpointManifest::Tensor& want) const {
    const auto entry = header_.find(want.name());
    if (entry == header_.end()) fail(concat("tensor ", want.name(), " is missing"));
    const std::vector<uint64_t> shape = numbers(*entry, "shape", want.name());
    if (!std::equal(shape.begin(), shape.end(), want.dim().begin(), want.dim().end())) {
      fail(concat("tensor ", want.name(), " is ", shapeText(shape), ", expected ",
                  shapeText(want.dim())));
    }
    const auto type = entry->find("dtype");
    if (type == entry->end() || *type != "F32") {
      fail(concat("tensor ", want.name(), " isn't of type F32"));
    }
    const std::vector<uint64_t> place = numbers(*entry, "data_offsets", want.name());
    if (place.size() != 2 || place[0] > place[1] || place[1] > bytes_.size() ||
        place[1] - place[0] != numbersOf(want) * sizeof(float)) {
      fail(concat("tensor ", want.name(), " has not its ", numbersOf(want),
                  " numbers within the file"));
    }
    return bytes_.substr(place[0], place[1] - place[0]);
  }

 private:
  std::vector<uint64_t> numbers(const nlohmann::json& entry, const char* field,
                                const std::string& tensor) const {
    std::vector<uint64_t> values;
    const bool has = entry.is_object() && entry.contains(field) && entry[field].is_array();
    if (!has) fail(concat("tensor ", tensor, " has no ", field));
    for (const nlohmann::json& value : entry[field]) {
      if (!value.is_number_unsigned()) fail(concat("tensor ", tensor, ": ", field));
      values.push_back(value.get<uint64_t>());
    }
    return values;
  }

  std::string name_;
  nlohmann::json header_;  // unlike Json, keys are found without looking at all
  std::string_view bytes_;
};

}  // namespace

void writeSafetensors(const TrainedModel& model, const std::filesystem::path& path) {
  const CheckpointManifest& manifest = model.manifest;
  Json header;
  header[kMetadata] = {{"format", "sphereface"},
                       {"network", networkText(manifest.config().network())},
                       {"step", std::to_string(manifest.step())},
                       {"forward_passes", std::to_string(manifest.forward_passes())},
                       {"color_order", manifest.color_order()},
                       {"alignment_template", manifest.alignment_template()},
                       {"normalization_mean", concat(manifest.normalization_mean())},
                       {"normalization_scale", concat(manifest.normalization_scale())},
                       {"dataset_sha256", manifest.dataset_sha256()}};
  const CheckpointManifest layout = layoutOf(model.network, manifest.classes());
  for (const CheckpointManifest::Tensor& tensor : layout.tensor()) {
    if (numbersOf(tensor) == 0) continue;  // no head
    const uint64_t begin = tensor.offset() * sizeof(float);
    header[tensor.name()] = {
        {"dtype", "F32"},
        {"shape", std::vector<uint64_t>(tensor.dim().begin(), tensor.dim().end())},
        {"data_offsets", {begin, begin + numbersOf(tensor) * sizeof(float)}}};
  }
  std::string text = strictJsonText(header);
  // Padded so that the numbers are aligned in the file.
  text.resize((text.size() + sizeof(uint64_t) - 1) / sizeof(uint64_t) * sizeof(uint64_t), ' ');
  const uint64_t length = text.size();
  const std::span<const float> numbers = model.parameters;
  const std::string_view pieces[] = {
      {reinterpret_cast<const char*>(&length), sizeof length},
      text,
      {reinterpret_cast<const char*>(numbers.data()), numbers.size_bytes()}};
  writeFileAtomically(path, pieces);
}

TrainedModel parseSafetensors(std::string_view bytes, const std::string& name) {
  const Reader reader(bytes, name);
  TrainedModel model;
  CheckpointManifest& manifest = model.manifest;
  try {
    NetworkConfig& config = *manifest.mutable_config()->mutable_network();
    parseText(reader.text("network"), name, config);
    model.network = buildNetwork(config);
  } catch (const UsageError& e) {
    throw Error(concat(name, ": its network: ", e.what()));
  }
  manifest.set_classes(static_cast<uint32_t>(reader.classes()));
  manifest.set_step(reader.number("step"));
  manifest.set_forward_passes(reader.number("forward_passes"));
  assumePublishedPreprocessing(model);
  reader.expectNumber("normalization_mean", manifest.normalization_mean());
  reader.expectNumber("normalization_scale", manifest.normalization_scale());
  manifest.set_color_order(reader.text("color_order"));
  if (manifest.color_order() != "BGR" && manifest.color_order() != "RGB") {
    reader.fail(concat("\"color_order\" is \"", manifest.color_order(), "\", neither BGR nor RGB"));
  }
  manifest.set_alignment_template(reader.text("alignment_template"));
  manifest.set_dataset_sha256(reader.text("dataset_sha256"));

  const CheckpointManifest layout = layoutOf(model.network, manifest.classes());
  reader.expectNoOthers(layout);
  std::vector<std::string_view> found;
  uint64_t total = 0;
  for (const CheckpointManifest::Tensor& tensor : layout.tensor()) {
    if (numbersOf(tensor) == 0) continue;  // no head
    found.push_back(reader.tensor(tensor));
    total += found.back().size();
  }
  // Places may overlap in a hostile file: no more is allocated than it has.
  std::vector<std::string_view> in_order = found;
  std::ranges::sort(in_order, {}, [](std::string_view tensor) { return tensor.data(); });
  const auto overlap = [](std::string_view a, std::string_view b) {
    return a.data() + a.size() > b.data();
  };
  if (std::ranges::adjacent_find(in_order, overlap) != in_order.end()) {
    reader.fail("its tensors overlap");
  }
  model.parameters.resize(total / sizeof(float));
  char* to = reinterpret_cast<char*>(model.parameters.data());
  for (const std::string_view tensor : found) {
    std::memcpy(to, tensor.data(), tensor.size());
    to += tensor.size();
  }
  return model;
}

}  // namespace sphereface
