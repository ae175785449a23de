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

/// A net's description with the name to call it by in messages.
struct NamedNet {
  const caffe::NetParameter& net;
  std::string name;
};

/// scale * x + shift for each channel.
struct Affine {
  std::vector<double> scale;
  std::vector<double> shift;

  bool operator==(const Affine&) const = default;
};

/// What stands around the network in a Caffe net.
struct CaffeGraph {
  Affine image;      // from the engine's (byte - 127.5) / 128 to what the first convolution takes
  Affine embedding;  // from what fcN makes to the feature
  // Layers whose work `image` and `embedding` are, as "pre, a Power".
  std::vector<std::string> folded;
  // Sentences about what the net does with the feature, for people.
  std::vector<std::string> notes;
};

struct CaffeNetwork {
  NetworkConfig config;
  Network network;
  std::string size_from;            // where the input's size comes from, for people
  std::optional<CaffeGraph> graph;  // none: no net says how its layers are connected
};

/// The network of `nets`, of which each says what those before it don't: a prototxt (sizes in the
/// layers' parameters), a model (shapes of its blobs). The input's size is `size`, or what the
/// nets' data or input layers say, or SphereFace's 112x96, and has to fit the inputs of fcN.
/// errors: Error naming the net and the layer that is missing or isn't as SphereFace has it.
CaffeNetwork recognizeNetwork(const std::vector<NamedNet>& nets, std::optional<ImageSize> size);

/// Layers may have SphereFace's names and yet compute something else (no residuals, ReLU, batch
/// normalisation). Follows the net's blobs from its input to the embedding and compares what each
/// convolution, PReLU and addition takes, and the convolutions' parameters, with `network`.
/// Ahead of the first convolution and behind the embedding, Power, BatchNorm, Scale and Bias are
/// read, their numbers from the layers of the same names in `weights`; there may be Split, Flip and
/// Concat of the images with their mirror images, and behind the embedding the head, losses,
/// Normalize and the mirror images' sum. Anything else on the way is an error.
/// None: a net that doesn't say what is connected (V1, or one that has weights alone).
/// errors: Error naming net and layer, and what was expected.
std::optional<CaffeGraph> followGraph(const NamedNet& named, const NamedNet& weights,
                                      const Network& network);

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
