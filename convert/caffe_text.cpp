// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "convert/caffe_text.h"

#include <charconv>

#include "base/error.h"

namespace sphereface {

double decimal(float value) {
  char text[64];
  const auto written = std::to_chars(text, text + sizeof text, value);
  double result = value;
  std::from_chars(text, written.ptr, result);
  return result;
}

CaffeText::CaffeText(const NamedText& file, google::protobuf::Message& message,
                     std::vector<std::string>& ignored)
    : name_(file.name), message_(message), ignored_(ignored) {
  parsePrototxt(file.text, file.name, message, unknown_, &places_);
}

void CaffeText::ignore(const std::string& field, const std::string& why, int index) const {
  ignored_.push_back(concat(place(field, index), ": ", field, ": ", why));
}

void CaffeText::refuse(const std::string& field, const std::string& why, int index) const {
  throw UsageError(concat(place(field, index), ": ", field, ": ", why));
}

void CaffeText::ignore(const UnknownField& field) const {
  ignored_.push_back(concat(name_, ":", field.line + 1, ": ", field.field));
}

void CaffeText::refuse(const UnknownField& field, const std::string& owner) const {
  throw UsageError(concat(name_, ":", field.line + 1, ": ", owner, owner.empty() ? "" : ": ",
                          field.field, ": has no counterpart here"));
}

int CaffeText::holderOf(const UnknownField& field, const std::string& repeated, int count) const {
  const auto* descriptor = message_.GetDescriptor()->FindFieldByName(repeated);
  int holder = -1;
  for (int i = 0; i < count; ++i) {
    const auto at = places_.GetLocation(descriptor, i);
    if (at.line < field.line || (at.line == field.line && at.column <= field.column)) holder = i;
  }
  return holder;
}

std::string CaffeText::place(const std::string& field, int index) const {
  const auto* descriptor = message_.GetDescriptor()->FindFieldByName(field);
  if (descriptor->is_repeated() && index < 0) return name_;
  const int line = places_.GetLocation(descriptor, index).line;
  return line < 0 ? name_ : concat(name_, ":", line + 1);
}

}  // namespace sphereface
