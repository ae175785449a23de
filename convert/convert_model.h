// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// A model from one file into another; what they end in says what they are:
//   .caffemodel   Caffe's, written with a deploy .prototxt beside it
//   .safetensors  weights with the network in the metadata
//   .onnx         written only
//   otherwise     a checkpoint folder

#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "convert/caffe_network.h"
#include "convert/onnx_export.h"
#include "convert/trained_model.h"

namespace sphereface {

struct ConvertOptions {
  std::filesystem::path from;
  std::filesystem::path to;
  // Of a .caffemodel, each empty or absent when not given.
  std::filesystem::path prototxt;
  std::optional<ImageSize> image_size;
  std::filesystem::path solverstate;
  // Template that the model's images were aligned to, when it isn't the one assumed.
  std::string alignment;
  // Of an .onnx.
  OnnxOptions onnx;
  // The packed data set whose labels are the rows of the classifier.
  std::filesystem::path lmdb;
};

struct Converted {
  TrainedModel model;
  std::vector<std::filesystem::path> written;
  std::vector<std::string> notes;  // what was assumed or left out
};

/// Overwrites nothing. errors: UsageError for formats that can't be converted so; Error of the
/// readers and writers.
Converted convertModel(const ConvertOptions& options);

}  // namespace sphereface
