// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The numbers of a configuration, for tests that try them all. Ranges are read here in a way of
// their own.

#pragma once

#include <string>
#include <vector>

#include "proto/config.pb.h"

namespace sphereface::testing {

struct NumberField {
  const google::protobuf::FieldDescriptor* descriptor = nullptr;
  std::string path;     // "network.stage[0].channels"
  std::string block;    // "network"
  std::string within;   // what the block has: "stage { channels: ? }"
  std::string allowed;  // "[1, 16384]"
  bool list = false;

  bool whole() const;
  /// Whether the text format's parser takes the text as such a number.
  bool readable(const std::string& value) const;
  /// As the field's type has it; infinite beyond the type.
  long double number(const std::string& value) const;
  /// Whether the range has it.
  bool has(const std::string& value) const;
  std::string standard() const;
  /// NaN, infinities, zeros, -1, the ends, their neighbours, what the type ends with.
  std::vector<std::string> values() const;
  /// For --set.
  std::string setting(const std::string& value) const;
};

std::vector<NumberField> numberFields();

/// A small configuration of four lines, the last of which has the field.
std::string configWith(const std::string& block, const std::string& within,
                       const std::string& value);

}  // namespace sphereface::testing
