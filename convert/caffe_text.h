// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// A parsed solver or net in text format, which tells the lines of its fields, and collects those
// that aren't taken over.

#pragma once

#include <google/protobuf/text_format.h>

#include <string>
#include <string_view>
#include <vector>

#include "convert/caffe_file.h"

namespace sphereface {

/// A text with the name to call it by in messages.
struct NamedText {
  std::string_view text;
  std::string name;
};

/// The shortest decimal that is this float: 0.1 and not 0.10000000149.
double decimal(float value);

class CaffeText {
 public:
  /// Parses `file` into `message`. What is ignored is appended to `ignored` as "FILE:LINE: field:
  /// why". Both outlive this. errors: UsageError of parsePrototxt.
  CaffeText(const NamedText& file, google::protobuf::Message& message,
            std::vector<std::string>& ignored);

  /// Of a field of the message; of a repeated one, its `index`.
  void ignore(const std::string& field, const std::string& why, int index = -1) const;
  [[noreturn]] void refuse(const std::string& field, const std::string& why, int index = -1) const;

  const std::vector<UnknownField>& unknown() const { return unknown_; }
  void ignore(const UnknownField& field) const;
  /// `owner`: the layer that has it, or nothing.
  [[noreturn]] void refuse(const UnknownField& field, const std::string& owner) const;

  /// The last of a repeated field's messages that begin before the unknown field, -1: none does.
  int holderOf(const UnknownField& field, const std::string& repeated, int count) const;

 private:
  std::string place(const std::string& field, int index) const;

  std::string name_;
  const google::protobuf::Message& message_;
  std::vector<std::string>& ignored_;
  std::vector<UnknownField> unknown_;
  google::protobuf::TextFormat::ParseInfoTree places_;
};

}  // namespace sphereface
