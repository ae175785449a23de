// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Caffe's files as messages (proto/caffe.proto, a subset of Caffe's own): binary .caffemodel and
// .solverstate, and .prototxt in text format, of which what the subset lacks is told.

#pragma once

#include <google/protobuf/text_format.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "proto/caffe.pb.h"

namespace sphereface {

/// A .caffemodel. Layers of the form from before 2015 (V1) become layers of an empty type. `name`
/// stands for the bytes in the error message.
/// errors: Error when it isn't one, is larger than protobuf's 2 GB, or has V1 layers that say what
/// they take, as the form has no PReLU.
caffe::NetParameter parseCaffeModel(std::string_view bytes, const std::string& name);
caffe::SolverState parseSolverState(std::string_view bytes, const std::string& name);

/// A field of a text that the subset hasn't got.
struct UnknownField {
  std::string message;  // that it is in, such as "ConvolutionParameter"
  std::string field;
  int line = 0;  // both from 0
  int column = 0;
};

/// A message in text format. Each field that the subset hasn't got is appended to `unknown`, in the
/// text's order and without what is in it. `places`, if given, gets where the fields are.
/// errors: UsageError "name:line:column: what is wrong".
void parsePrototxt(std::string_view text, const std::string& name,
                   google::protobuf::Message& message, std::vector<UnknownField>& unknown,
                   google::protobuf::TextFormat::ParseInfoTree* places = nullptr);

/// errors: Error when the net has no layers, more than any real one, or V1 layers.
void checkLayers(const caffe::NetParameter& net, const std::string& name);

/// A net in text format, of which only the graph matters. errors: UsageError; also for a field of
/// one of SphereFace's layers that the subset hasn't got, with its line.
caffe::NetParameter parseNetPrototxt(std::string_view text, const std::string& name);

/// The whole file, of a text without its byte order mark. errors: Error when it can't be read or is
/// larger than protobuf's 2 GB.
std::string readCaffeFile(const std::filesystem::path& path);

}  // namespace sphereface
