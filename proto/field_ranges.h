// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What the numbers of a configuration may be, as its schema says of each: (allowed) in
// config.proto.

#pragma once

#include <google/protobuf/message.h>

#include <optional>
#include <string>

#include "base/interval.h"

namespace sphereface {

bool isNumber(const google::protobuf::FieldDescriptor& field);

/// requires: a number of config.proto.
Interval allowedOf(const google::protobuf::FieldDescriptor& field);

template <class Message>
Interval allowedOf(const char* field) {
  return allowedOf(*Message::descriptor()->FindFieldByName(field));
}

struct MisfitNumber {
  std::string field;    // "network.stage[1].channels"
  std::string message;  // "0 is outside [1, 16384]"
};

/// The first number that is set and outside what is allowed, here or in a message within.
std::optional<MisfitNumber> findMisfit(const google::protobuf::Message& message);

/// What the field is unless it is set, as the text format has it; empty of one without a default.
std::string defaultText(const google::protobuf::FieldDescriptor& field);

}  // namespace sphereface
