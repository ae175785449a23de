// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "convert/caffe_file.h"

#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <cstdint>
#include <functional>
#include <limits>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/text_file.h"

namespace sphereface {
namespace {

namespace pb = google::protobuf;

constexpr uint64_t kProtobufLimit = std::numeric_limits<int>::max();
constexpr int kMostLayers = 10000;
constexpr int kDepth = 32;  // Caffe's own messages nest five deep

void checkSize(uint64_t bytes, const std::string& name) {
  if (bytes > kProtobufLimit) {
    throw Error(concat(name, ": ", bytes, " bytes, more than the 2 GB of a protobuf message"));
  }
}

void parseBinary(std::string_view bytes, const std::string& name, const char* kind,
                 pb::Message& message) {
  checkSize(bytes.size(), name);
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    throw Error(concat(name, ": no whole Caffe ", kind, " (damaged, cut off, or something else)"));
  }
}

/// Keeps the first error, and the fields that are unknown.
class Findings : public pb::io::ErrorCollector {
 public:
  Findings(std::string name, std::vector<UnknownField>& unknown)
      : name_(std::move(name)), unknown_(unknown) {}

  void AddError(int line, pb::io::ColumnNumber column,  // NOLINT(readability-identifier-naming)
                const std::string& message) override {
    if (error_.empty()) error_ = concat(name_, ":", line + 1, ":", column + 1, ": ", message);
  }

  /// Message type "caffe.T" has no field named "f".
  void AddWarning(int line, pb::io::ColumnNumber column,  // NOLINT(readability-identifier-naming)
                  const std::string& message) override {
    const auto quoted = [&](const std::string& before) -> std::string {
      const size_t begin = message.find(before);
      if (begin == std::string::npos) return message;
      const size_t from = begin + before.size();
      return message.substr(from, message.find('"', from) - from);
    };
    unknown_.push_back(
        {quoted("Message type \"caffe."), quoted("has no field named \""), line, column});
  }

  const std::string& error() const { return error_; }

 private:
  std::string name_;
  std::vector<UnknownField>& unknown_;
  std::string error_;
};

}  // namespace

void checkLayers(const caffe::NetParameter& net, const std::string& name) {
  if (!net.layers().empty()) {
    throw Error(concat(name, ": layers ", net.layers(0).name(),
                       ", ...: a net of the form from before 2015, which has no PReLU; Caffe's "
                       "upgrade_net_proto_text makes it one of today's"));
  }
  if (net.layer().empty()) throw Error(concat(name, ": a Caffe net without layers"));
  if (net.layer_size() > kMostLayers) {
    throw Error(concat(name, ": ", net.layer_size(), " layers, more than ", kMostLayers));
  }
}

caffe::NetParameter parseCaffeModel(std::string_view bytes, const std::string& name) {
  caffe::NetParameter net;
  parseBinary(bytes, name, "model", net);
  if (!net.layer().empty() && !net.layers().empty()) {
    throw Error(concat(name, ": layers of today's form and of that from before 2015"));
  }
  for (caffe::V1LayerParameter& old : *net.mutable_layers()) {
    if (!old.bottom().empty()) {
      throw Error(concat(name, ": layer ", old.name(),
                         " takes another's output in the form from before 2015, which has no "
                         "PReLU, so this is no SphereFace network"));
    }
    caffe::LayerParameter& layer = *net.add_layer();
    layer.set_name(old.name());
    layer.mutable_blobs()->Swap(old.mutable_blobs());
  }
  net.clear_layers();
  checkLayers(net, name);
  return net;
}

caffe::SolverState parseSolverState(std::string_view bytes, const std::string& name) {
  caffe::SolverState state;
  parseBinary(bytes, name, "solver state", state);
  return state;
}

void parsePrototxt(std::string_view text, const std::string& name, pb::Message& message,
                   std::vector<UnknownField>& unknown, pb::TextFormat::ParseInfoTree* places) {
  checkSize(text.size(), name);
  Findings findings(name, unknown);
  pb::TextFormat::Parser parser;
  parser.RecordErrorsTo(&findings);
  parser.AllowUnknownField(true);
  parser.SetRecursionLimit(kDepth);
  if (places != nullptr) parser.WriteLocationsTo(places);
  pb::io::ArrayInputStream stream(text.data(), static_cast<int>(text.size()));
  if (!parser.Parse(&stream, &message) || !findings.error().empty()) {
    throw UsageError(findings.error().empty() ? concat(name, ": not in text format")
                                              : findings.error());
  }
}

caffe::NetParameter parseNetPrototxt(std::string_view text, const std::string& name) {
  static const std::set<std::string, std::less<>> kOfTheGraph = {
      "ConvolutionParameter", "InnerProductParameter", "EltwiseParameter",
      "PReLUParameter",       "PowerParameter",        "BatchNormParameter",
      "ScaleParameter",       "BiasParameter",         "ConcatParameter",
      "SliceParameter",       "FlipParameter",         "TransformationParameter"};
  caffe::NetParameter net;
  std::vector<UnknownField> unknown;
  parsePrototxt(text, name, net, unknown);
  for (const UnknownField& found : unknown) {
    if (kOfTheGraph.contains(found.message)) {
      throw UsageError(concat(name, ":", found.line + 1, ": ", found.field, " of a ", found.message,
                              ", which no SphereFace network has"));
    }
  }
  checkLayers(net, name);
  return net;
}

std::string readCaffeFile(const std::filesystem::path& path) {
  if (std::filesystem::is_regular_file(path)) {
    checkSize(std::filesystem::file_size(path), path.string());
  }
  return readTextFile(path);  // no model begins like a byte order mark
}

}  // namespace sphereface
