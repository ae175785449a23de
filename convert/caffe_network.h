// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Which SphereFace network a Caffe net is, from its layers: convS_K is convolution K of stage S,
// with PReLU reluS_K; fcN, N being the stages + 1, makes the embedding and fcN+1 is the classifier.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kernels/network.h"
#include "proto/caffe.pb.h"
#include "proto/config.pb.h"

namespace sphereface {

struct ImageSize {
  uint32_t height = 0;
  uint32_t width = 0;
};

/// "112x96". errors: UsageError when it isn't a size of 1 to 4096 pixels.
ImageSize parseImageSize(const std::string& text);

struct CaffeNetwork {
  NetworkConfig config;
  Network network;
  std::string size_from;  // where the input's size comes from, for people
};

/// A net's description with the name to call it by in messages.
struct NamedNet {
  const caffe::NetParameter& net;
  std::string name;
};

/// The network of `nets`, of which each says what those before it don't: a prototxt (sizes in the
/// layers' parameters), a model (shapes of its blobs). The input's size is `size`, or what the
/// nets' data or input layers say, or SphereFace's 112x96, and has to fit the inputs of fcN.
/// errors: Error naming the net and the layer that is missing or isn't as SphereFace has it; or
/// images that are normalised otherwise than (byte - 127.5) / 128.
CaffeNetwork recognizeNetwork(const std::vector<NamedNet>& nets, std::optional<ImageSize> size);

/// Layers may have SphereFace's names and yet compute something else (no residuals, ReLU, batch
/// normalisation). Follows the net's blobs from its input to the embedding and compares what each
/// convolution, PReLU and addition takes, and the convolutions' parameters, with `network`. What
/// lies behind the embedding isn't looked at. A net that doesn't say what is connected (V1, or one
/// that has weights alone) passes. errors: Error naming net and layer, and what was expected.
void checkGraph(const NamedNet& named, const Network& network);

/// The name of the layer that makes the embedding, and of the classifier behind it.
std::string embeddingLayer(const Network& network);
std::string classifierLayer(const Network& network);

/// Extents of a blob, as the file has them: of its shape, or the four legacy ones.
std::vector<int64_t> blobShape(const caffe::BlobProto& blob);
/// True when the blob is shaped so; a legacy one may have extents of 1 before.
bool hasShape(const caffe::BlobProto& blob, const std::vector<int64_t>& shape);

/// The first layer of that name, or null.
const caffe::LayerParameter* findLayer(const caffe::NetParameter& net, const std::string& name);

}  // namespace sphereface
