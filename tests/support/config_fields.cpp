// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "tests/support/config_fields.h"

#include <google/protobuf/descriptor.h>

#include <cmath>
#include <limits>
#include <regex>

#include "base/error.h"

namespace sphereface::testing {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

std::string exact(long double value, bool whole) {
  char text[64];
  std::snprintf(text, sizeof text, whole ? "%.0Lf" : "%.17Lg", value);
  return text;
}

void collect(const Descriptor& type, const std::string& path, const std::string& block,
             const std::string& around, std::vector<NumberField>& fields) {
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    const std::string name = path + field.name();
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      const std::string inner = name + (field.is_repeated() ? "[0]." : ".");
      if (block.empty()) {
        collect(*field.message_type(), inner, field.name(), "?", fields);
      } else {
        collect(*field.message_type(), inner, block, concat(field.name(), " { ? }"), fields);
      }
      continue;
    }
    switch (field.type()) {
      case FieldDescriptor::TYPE_STRING:
      case FieldDescriptor::TYPE_BOOL:
      case FieldDescriptor::TYPE_ENUM:
        continue;
      default:
        break;
    }
    NumberField number;
    number.descriptor = &field;
    number.path = name;
    number.block = block;
    number.within = std::regex_replace(around, std::regex("\\?"), field.name() + ": ?");
    number.allowed = field.options().GetExtension(sphereface::number_in);
    number.list = field.is_repeated();
    fields.push_back(number);
  }
}

}  // namespace

bool NumberField::whole() const {
  return descriptor->type() == FieldDescriptor::TYPE_UINT32 ||
         descriptor->type() == FieldDescriptor::TYPE_UINT64;
}

bool NumberField::readable(const std::string& value) const {
  if (!whole()) return true;
  const long double most = descriptor->type() == FieldDescriptor::TYPE_UINT32
                               ? std::numeric_limits<uint32_t>::max()
                               : std::numeric_limits<uint64_t>::max();
  return value.find_first_not_of("0123456789") == value.npos && std::stold(value) <= most;
}

long double NumberField::number(const std::string& value) const {
  if (whole()) return std::strtold(value.c_str(), nullptr);
  if (descriptor->type() == FieldDescriptor::TYPE_DOUBLE) {
    return std::strtod(value.c_str(), nullptr);
  }
  // The parser reads a double, of which it makes a float.
  return static_cast<float>(std::strtod(value.c_str(), nullptr));
}

bool NumberField::has(const std::string& value) const {
  if (!readable(value)) return false;
  const long double at = number(value);
  const std::regex piece("([\\[(])([^,]+), ([^\\])]+)([\\])])");
  for (std::sregex_iterator i(allowed.begin(), allowed.end(), piece), end; i != end; ++i) {
    const long double least = number((*i)[2]);
    const long double most = number((*i)[3]);
    const bool above = (*i)[1] == "[" ? at >= least : at > least;
    const bool below = (*i)[4] == "]" ? at <= most : at < most;
    if (above && below) return true;
  }
  return false;
}

std::string NumberField::standard() const {
  switch (descriptor->type()) {
    case FieldDescriptor::TYPE_UINT32:
      return std::to_string(descriptor->default_value_uint32());
    case FieldDescriptor::TYPE_UINT64:
      return std::to_string(descriptor->default_value_uint64());
    case FieldDescriptor::TYPE_FLOAT:
      return exact(descriptor->default_value_float(), false);
    default:
      return exact(descriptor->default_value_double(), false);
  }
}

std::vector<std::string> NumberField::values() const {
  std::vector<std::string> all = {"nan",
                                  "inf",
                                  "-inf",
                                  "0",
                                  "-0",
                                  "-1",
                                  "1",
                                  "4294967295",
                                  "4294967296",
                                  "18446744073709551615",
                                  "18446744073709551616",
                                  "1e400",
                                  "-1e400"};
  if (!whole()) {
    all.insert(all.end(), {exact(std::numeric_limits<float>::max(), false),
                           exact(std::numeric_limits<double>::max(), false),
                           exact(std::numeric_limits<double>::denorm_min(), false),
                           exact(std::numeric_limits<float>::denorm_min(), false)});
  }
  const std::regex end("[\\[(, ]([-+0-9.e]+)(?=[,\\])])");
  for (std::sregex_iterator i(allowed.begin(), allowed.end(), end), none; i != none; ++i) {
    const long double at = number((*i)[1]);
    if (whole()) {
      if (at > 0) all.push_back(exact(at - 1, true));
      all.push_back(exact(at, true));
      all.push_back(exact(at + 1, true));
      continue;
    }
    const bool single = descriptor->type() == FieldDescriptor::TYPE_FLOAT;
    for (const double to : {-HUGE_VAL, HUGE_VAL}) {
      all.push_back(exact(single ? std::nextafter(static_cast<float>(at), static_cast<float>(to))
                                 : std::nextafter(static_cast<double>(at), to),
                          false));
    }
    all.push_back((*i)[1]);
  }
  return all;
}

std::string NumberField::setting(const std::string& value) const {
  const size_t element = path.find("[0].");
  if (element != path.npos) {
    return concat(path.substr(0, element), "={ ", path.substr(element + 4), ": ", value, " }");
  }
  return concat(path, "=", list ? "[" + value + "]" : value);
}

std::vector<NumberField> numberFields() {
  std::vector<NumberField> fields;
  collect(*TrainConfig::descriptor(), "", "", "", fields);
  return fields;
}

std::string configWith(const std::string& block, const std::string& within,
                       const std::string& value) {
  std::string last = concat(block, block.empty() ? "" : " { ", within);
  if (const size_t at = last.find('?'); at != last.npos) last.replace(at, 1, value);
  const std::string field = within.substr(0, within.find(':'));
  const bool length =
      block == "solver" && (field == "steps" || field == "epochs" || field == "images");
  std::string text;
  const std::pair<const char*, std::string> blocks[] = {
      {"data", "lmdb: \"x\""},
      {"network", within.starts_with("stage") ? "name: \"custom\" height: 8 width: 8 embedding: 4"
                                              : "name: \"sphereface-4\""},
      {"solver", length ? "" : "steps: 7"}};
  std::string own;
  for (const auto& [name, content] : blocks) {
    if (name == block) {
      own = content;
      text += "\n";
    } else {
      text += concat(name, " { ", content, " }\n");
    }
  }
  return concat(text, last, block.empty() ? "" : concat(" ", own, " }"), "\n");
}

}  // namespace sphereface::testing
