// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <algorithm>
#include <cstdint>

#include "base/error.h"
#include "data/align/mtcnn_weights.h"
#include "proto/caffe.pb.h"

namespace sphereface {
namespace {

/// Finds layers by name, in today's form or that from before 2015.
class CaffeLayers {
 public:
  CaffeLayers(const caffe::NetParameter& net, std::string what)
      : net_(net), what_(std::move(what)) {}

  /// Blob `index` of `layer`, which has to have `outputs` in its first extent of `count` numbers.
  /// Extents of 1 before it are those of the legacy form.
  std::vector<float> blob(const std::string& layer, int index, int outputs, int count) const {
    const auto& blobs = blobsOf(layer);
    if (index >= blobs.size()) {
      throw Error(
          concat(what_, "layer ", layer, " has ", blobs.size(), " blobs, expected ", index + 1));
    }
    const caffe::BlobProto& values = blobs[index];
    std::vector<int64_t> extents(values.shape().dim().begin(), values.shape().dim().end());
    if (!values.has_shape()) {
      extents = {values.num(), values.channels(), values.height(), values.width()};
    }
    const auto first =
        std::find_if(extents.begin(), extents.end(), [](int64_t extent) { return extent != 1; });
    if (values.data_size() != count || first == extents.end() || *first != outputs) {
      throw Error(concat(what_, "layer ", layer, " has ", values.data_size(), " numbers for ",
                         first == extents.end() ? 0 : *first, " outputs, expected ", count, " for ",
                         outputs));
    }
    return {values.data().begin(), values.data().end()};
  }

 private:
  const google::protobuf::RepeatedPtrField<caffe::BlobProto>& blobsOf(
      const std::string& layer) const {
    for (const caffe::LayerParameter& candidate : net_.layer()) {
      if (candidate.name() == layer) return candidate.blobs();
    }
    for (const caffe::V1LayerParameter& candidate : net_.layers()) {
      if (candidate.name() == layer) return candidate.blobs();
    }
    throw Error(concat(what_, "layer ", layer, " is missing"));
  }

  const caffe::NetParameter& net_;
  std::string what_;
};

}  // namespace

std::vector<MtcnnLayerWeights> readMtcnnCaffe(const MtcnnTable& table, std::string_view bytes,
                                              const std::string& name) {
  caffe::NetParameter net;
  if (!net.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    throw Error(concat(name, ": no whole Caffe model (damaged, cut off, or something else)"));
  }
  const CaffeLayers file(net, concat(name, " is not MTCNN's ", table.title, ": "));
  std::vector<MtcnnLayerWeights> read;
  for (const MtcnnLayerTable& layer : table.layers) {
    MtcnnLayerWeights& weights = read.emplace_back();
    const int inputs = layer.inputs * layer.kernel * layer.kernel;
    int outputs = 0;
    for (const MtcnnLayerTable::Part& part : layer.parts) {
      weights.parts.push_back({file.blob(part.name, 0, part.outputs, part.outputs * inputs),
                               file.blob(part.name, 1, part.outputs, part.outputs)});
      outputs += part.outputs;
    }
    if (!layer.prelu.empty()) weights.slope = file.blob(layer.prelu, 0, outputs, outputs);
  }
  return read;
}

}  // namespace sphereface
