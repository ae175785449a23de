// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "doctor/checkpoint_checks.h"

#include "base/error.h"
#include "model/checkpoint.h"
#include "model/checkpoint_check.h"
#include "model/network_config.h"

namespace sphereface::doctor {
namespace {

using Part = CheckpointManifest::Part;

/// Values of one content that aren't finite; names the tensors that have some.
uint64_t countNotFinite(const std::filesystem::path& folder, const CheckpointManifest& manifest,
                        Part::Content content, std::vector<std::string>& examples) {
  uint64_t sum = 0;
  for (const TensorSummary& tensor : summarizeTensors(folder, manifest, content)) {
    if (tensor.not_finite == 0) continue;
    sum += tensor.not_finite;
    examples.push_back(concat(content == Part::MOMENTUM ? "momentum of " : "", tensor.name, ": ",
                              tensor.not_finite));
  }
  return sum;
}

/// Collects what differs.
class Differences {
 public:
  template <class Value>
  void compare(const char* what, const Value& checkpoint, const Value& data) {
    if (checkpoint == data) return;
    text_ += concat(text_.empty() ? "" : "; ", what, " ", checkpoint, " of the checkpoint, ", data,
                    " of the data set");
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace

Finding checkpointFinding(const std::filesystem::path& folder, const CheckpointManifest& manifest) {
  const std::string name = "checkpoint";
  const std::string another =
      "an older checkpoint of the run: sphereface inspect runs/NAME/"
      "checkpoints/step-... --verify";
  try {
    verifyCheckpoint(folder, manifest);
    std::vector<std::string> examples;
    const uint64_t not_finite = countNotFinite(folder, manifest, Part::PARAMETERS, examples) +
                                countNotFinite(folder, manifest, Part::MOMENTUM, examples);
    const std::string found = concat(manifest.config().network().name(), " after ", manifest.step(),
                                     " steps, ", manifest.classes(), " classes; checksums agree");
    if (not_finite == 0) return good(name, concat(found, ", all numbers are finite"));
    Finding finding = failure(name, concat(found, ", ", not_finite, " numbers are NaN or infinite"),
                              concat(another,
                                     ", then a lower solver.base_learning_rate or "
                                     "solver.clip_gradients"));
    finding.examples = std::move(examples);
    return finding;
  } catch (const Error& e) {
    return failure(name, e.what(), another);
  }
}

Finding checkpointDataFinding(const CheckpointManifest& checkpoint, const DatasetManifest& data,
                              Purpose purpose) {
  const std::string name = "checkpoint data";
  const NetworkConfig& network = checkpoint.config().network();
  Differences differences;
  differences.compare("height", network.height(), data.height());
  differences.compare("width", network.width(), data.width());
  differences.compare("colour order", checkpoint.color_order(),
                      DatasetManifest::ColorOrder_Name(data.color_order()));
  const std::string unknown = "unknown";
  if (checkpoint.alignment_template() != unknown && data.alignment_template() != unknown) {
    differences.compare("alignment template", checkpoint.alignment_template(),
                        data.alignment_template());
  }
  differences.compare("mean", checkpoint.normalization_mean(), data.normalization_mean());
  differences.compare("scale", checkpoint.normalization_scale(), data.normalization_scale());
  if (!differences.text().empty()) {
    return failure(name, differences.text(),
                   "align and pack the photographs as for the checkpoint (sphereface align, "
                   "sphereface pack), or take a checkpoint trained on such data");
  }
  const std::string same = "size, colour order, template, if known, and normalisation agree";
  if (checkpoint.dataset_sha256() == data.sha256()) {
    return good(name, concat(same, "; it was trained on this data set"));
  }
  if (purpose == Purpose::kStart) {
    return good(name, concat(same, "; it was trained on other data, so the head starts anew"));
  }
  return warning(
      name,
      concat(same,
             "; but it was trained on another data set, so its classes aren't "
             "these and a run can't be resumed from it"),
      "network.init_from: the checkpoint, to start from its weights; data.lmdb: the data "
      "set it was trained on (same SHA-256 in sphereface inspect), to resume");
}

Finding checkpointNetworkFinding(const CheckpointManifest& checkpoint,
                                 const NetworkConfig& config) {
  const std::string name = "checkpoint network";
  const Network theirs = buildNetwork(checkpoint.config().network());
  const Network ours = buildNetwork(config);
  auto layout = [](const Network& network) {
    std::string text =
        concat(network.name, ", ", network.height, "x", network.width, ", embedding ",
               network.embedding, ", ", network.parameter_count, " parameters");
    return text;
  };
  bool same = theirs.parameters.size() == ours.parameters.size();
  for (size_t i = 0; same && i < ours.parameters.size(); ++i) {
    same = theirs.parameters[i].name == ours.parameters[i].name &&
           theirs.parameters[i].shape == ours.parameters[i].shape;
  }
  if (same) return good(name, layout(ours));
  return failure(
      name, concat("the configuration has ", layout(ours), "; the checkpoint ", layout(theirs)),
      "the checkpoint's configuration: config in its manifest.textproto");
}

}  // namespace sphereface::doctor
