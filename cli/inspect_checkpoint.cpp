// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <cstdio>

#include "base/error.h"
#include "cli/inspect.h"
#include "model/checkpoint.h"
#include "model/checkpoint_check.h"

namespace sphereface {
namespace {

std::string shapeOf(const TensorSummary& tensor) {
  std::string text;
  for (const uint64_t extent : tensor.dim)
    text += (text.empty() ? "" : " x ") + std::to_string(extent);
  return text;
}

uint64_t notFinite(const std::vector<TensorSummary>& tensors) {
  uint64_t sum = 0;
  for (const TensorSummary& tensor : tensors)
    sum += tensor.not_finite;
  return sum;
}

Json describe(const std::filesystem::path& folder, const CheckpointManifest& m) {
  Json json;
  json["kind"] = "checkpoint";
  json["path"] = folder.string();
  json["step"] = m.step();
  json["forward_passes"] = m.forward_passes();
  json["network"] = m.config().network().name();
  json["embedding"] = m.config().network().embedding();
  json["height"] = m.config().network().height();
  json["width"] = m.config().network().width();
  json["classes"] = m.classes();
  json["color_order"] = m.color_order();
  json["alignment_template"] = m.alignment_template();
  json["normalization"] = {{"mean", m.normalization_mean()}, {"scale", m.normalization_scale()}};
  json["dataset_sha256"] = m.dataset_sha256();
  json["parts"] = Json::array();
  for (const CheckpointManifest::Part& part : m.part()) {
    json["parts"].push_back(
        {{"file", part.file()}, {"bytes", part.bytes()}, {"sha256", part.sha256()}});
  }
  return json;
}

void print(const std::filesystem::path& folder, const CheckpointManifest& m) {
  const NetworkConfig& network = m.config().network();
  std::printf("checkpoint      %s\n", folder.c_str());
  std::printf("step            %llu (%llu forward passes)\n",
              static_cast<unsigned long long>(m.step()),
              static_cast<unsigned long long>(m.forward_passes()));
  std::printf("network         %s, %ux%u images, embedding %u\n", network.name().c_str(),
              network.height(), network.width(), network.embedding());
  std::printf("classes         %u\n", m.classes());
  std::printf("colour order    %s\n", m.color_order().c_str());
  std::printf("alignment       %s\n", m.alignment_template().c_str());
  std::printf("normalisation   (byte - %g) * %g\n", m.normalization_mean(),
              m.normalization_scale());
  std::printf("data set        SHA-256 %s\n", m.dataset_sha256().c_str());
  for (const CheckpointManifest::Part& part : m.part()) {
    std::printf("part            %s, %llu bytes, SHA-256 %s\n", part.file().c_str(),
                static_cast<unsigned long long>(part.bytes()), part.sha256().c_str());
  }
}

}  // namespace

Json inspectCheckpoint(const std::filesystem::path& folder, bool verify) {
  const CheckpointManifest manifest = readCheckpointManifest(folder);
  print(folder, manifest);
  Json json = describe(folder, manifest);
  if (verify) {
    verifyCheckpoint(folder, manifest);
    std::printf("verified        the parts are what the manifest says\n");
    json["verified"] = true;
  }
  const std::vector<TensorSummary> weights =
      summarizeTensors(folder, manifest, CheckpointManifest::Part::PARAMETERS);
  const std::vector<TensorSummary> momentum =
      summarizeTensors(folder, manifest, CheckpointManifest::Part::MOMENTUM);
  std::printf("\n%-12s %20s %12s %12s %12s %8s\n", "tensor", "shape", "norm", "largest", "momentum",
              "NaN/Inf");
  Json tensors = Json::array();
  for (size_t i = 0; i < weights.size(); ++i) {
    const TensorSummary& w = weights[i];
    const TensorSummary& v = momentum[i];
    const uint64_t not_finite = w.not_finite + v.not_finite;
    std::printf("%-12s %20s %12.6g %12.6g %12.6g %8llu\n", w.name.c_str(), shapeOf(w).c_str(),
                w.norm, w.largest, v.norm, static_cast<unsigned long long>(not_finite));
    tensors.push_back({{"name", w.name},
                       {"shape", w.dim},
                       {"norm", w.norm},
                       {"largest", w.largest},
                       {"not_finite", w.not_finite},
                       {"momentum_norm", v.norm},
                       {"momentum_not_finite", v.not_finite}});
  }
  json["tensors"] = std::move(tensors);
  json["not_finite"] = notFinite(weights);
  json["momentum_not_finite"] = notFinite(momentum);
  std::printf("\nNaN or infinite: %llu of the parameters, %llu of the momenta\n",
              static_cast<unsigned long long>(notFinite(weights)),
              static_cast<unsigned long long>(notFinite(momentum)));
  return json;
}

}  // namespace sphereface
