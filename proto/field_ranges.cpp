// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "proto/field_ranges.h"

#include <vector>

#include "base/error.h"
#include "proto/config.pb.h"

namespace sphereface {
namespace {

namespace pb = google::protobuf;

/// Calls use(value) with a number of the field's own type. What is no number is none.
template <class Use>
void withNumber(const pb::Message& message, const pb::FieldDescriptor& field, int index, Use use) {
  const pb::Reflection& of = *message.GetReflection();
  const bool one = index < 0;
  switch (field.cpp_type()) {
    case pb::FieldDescriptor::CPPTYPE_UINT32:
      return use(one ? of.GetUInt32(message, &field)
                     : of.GetRepeatedUInt32(message, &field, index));
    case pb::FieldDescriptor::CPPTYPE_UINT64:
      return use(one ? of.GetUInt64(message, &field)
                     : of.GetRepeatedUInt64(message, &field, index));
    case pb::FieldDescriptor::CPPTYPE_FLOAT:
      return use(one ? of.GetFloat(message, &field) : of.GetRepeatedFloat(message, &field, index));
    case pb::FieldDescriptor::CPPTYPE_DOUBLE:
      return use(one ? of.GetDouble(message, &field)
                     : of.GetRepeatedDouble(message, &field, index));
    default:
      throw Error(concat(field.full_name(), ": a type of number that config.proto hasn't had"));
  }
}

}  // namespace

bool isNumber(const pb::FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case pb::FieldDescriptor::CPPTYPE_MESSAGE:
    case pb::FieldDescriptor::CPPTYPE_STRING:
    case pb::FieldDescriptor::CPPTYPE_BOOL:
    case pb::FieldDescriptor::CPPTYPE_ENUM:
      return false;
    default:
      return true;
  }
}

Interval allowedOf(const pb::FieldDescriptor& field) {
  return field.options().GetExtension(number_in);
}

std::optional<MisfitNumber> findMisfit(const pb::Message& message) {
  const pb::Reflection& reflection = *message.GetReflection();
  std::vector<const pb::FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const pb::FieldDescriptor* field : fields) {
    const bool several = field->is_repeated();
    const bool within = field->cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE;
    if (!within && !isNumber(*field)) continue;
    const int count = several ? reflection.FieldSize(message, field) : 1;
    for (int i = 0; i < count; ++i) {
      const std::string name = several ? concat(field->name(), "[", i, "]") : field->name();
      std::optional<MisfitNumber> misfit;
      if (within) {
        misfit = findMisfit(several ? reflection.GetRepeatedMessage(message, field, i)
                                    : reflection.GetMessage(message, field));
        if (misfit) misfit->field = concat(name, ".", misfit->field);
      } else {
        withNumber(message, *field, several ? i : -1, [&](auto value) {
          const Interval interval = allowedOf(*field);
          if (!interval.contains(value)) misfit = {name, interval.refusal(numberText(value))};
        });
      }
      if (misfit) return misfit;
    }
  }
  return std::nullopt;
}

std::string defaultText(const pb::FieldDescriptor& field) {
  if (!field.has_default_value()) return "";
  std::string text;
  switch (field.cpp_type()) {
    case pb::FieldDescriptor::CPPTYPE_BOOL:
      return field.default_value_bool() ? "true" : "false";
    case pb::FieldDescriptor::CPPTYPE_ENUM:
      return field.default_value_enum()->name();
    case pb::FieldDescriptor::CPPTYPE_STRING:
      return concat("\"", field.default_value_string(), "\"");
    default: {
      const pb::Message& unset =
          *pb::MessageFactory::generated_factory()->GetPrototype(field.containing_type());
      withNumber(unset, field, -1, [&](auto value) { text = numberText(value); });
      return text;
    }
  }
}

}  // namespace sphereface
