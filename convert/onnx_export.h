// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The network from image to embedding as ONNX (opset 13), for inference.
//
//   input      [batch, 3, height, width] float, pixels 0 .. 255, planes in the checkpoint's order
//              (metadata color_order); the normalisation is in the graph
//   embedding  [batch, embedding] float; twice as long with Mirror::kConcat
//
// The batch is dynamic. With a mirrored image the graph runs the network on image and mirror image
// as one batch and joins what comes out, as `sphereface extract --mirror` does.

#pragma once

#include "convert/trained_model.h"
#include "evaluation/embedder.h"
#include "proto/onnx.pb.h"

namespace sphereface {

struct OnnxOptions {
  Mirror mirror = Mirror::kNone;
  bool unit_length = false;  // embeddings divided by their 2-norms
};

/// errors: Error when the network is larger than protobuf's 2 GB.
onnx::ModelProto exportOnnx(const TrainedModel& model, const OnnxOptions& options);

}  // namespace sphereface
