// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "proto/text_format.h"

#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>

#include "base/atomic_file.h"
#include "base/error.h"

namespace sphereface {
namespace {

using google::protobuf::TextFormat;

/// Keeps the first error; the parser counts lines and columns from 0.
class FirstError final : public google::protobuf::io::ErrorCollector {
 public:
  explicit FirstError(const std::string& name) : name_(name) {}

  void AddError(int line, google::protobuf::io::ColumnNumber column,
                const std::string& message) override {
    if (!text_.empty()) return;
    text_ = line < 0 ? concat(name_, ": ", message)
                     : concat(name_, ":", line + 1, ":", column + 1, ": ", message);
  }

  const std::string& text() const { return text_; }

 private:
  std::string name_;
  std::string text_;
};

}  // namespace

void parseText(std::string_view text, const std::string& name,
               google::protobuf::Message& message) {
  FirstError error(name);
  TextFormat::Parser parser;
  parser.RecordErrorsTo(&error);
  if (!parser.MergeFromString(std::string(text), &message)) throw UsageError(error.text());
}

void parseTextFile(const std::filesystem::path& path, google::protobuf::Message& message) {
  parseText(readFile(path), path.string(), message);
}

std::string printText(const google::protobuf::Message& message) {
  std::string text;
  if (!TextFormat::PrintToString(message, &text)) {
    throw Error(concat("cannot print ", message.GetTypeName(), " as text"));
  }
  return text;
}

}  // namespace sphereface
