// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Messages as text files that people write and read.

#pragma once

#include <google/protobuf/message.h>

#include <filesystem>
#include <string>
#include <string_view>

namespace sphereface {

/// Adds what `text` says to `message`; `name` stands for the text in errors.
/// errors: UsageError "NAME:LINE:COLUMN: what is wrong" for an unknown field, a wrong value, bad
/// syntax.
void parseText(std::string_view text, const std::string& name, google::protobuf::Message& message);

void parseTextFile(const std::filesystem::path& path, google::protobuf::Message& message);

std::string printText(const google::protobuf::Message& message);

}  // namespace sphereface
