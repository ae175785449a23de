// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Messages as text (protobuf's text format): configurations and manifests. A mistake is reported
// with its place, and a misspelt field with the one that was probably meant.

#pragma once

#include <google/protobuf/message.h>
#include <google/protobuf/text_format.h>

#include <filesystem>
#include <string>
#include <string_view>

namespace sphereface {

/// Where the fields of a message stand in the text that it was read from.
class TextPlaces {
 public:
  /// The line, counted from 1, of "network.stage[1].channels", or of the innermost of the messages
  /// around it that the text has; 0 when it has none.
  int lineOf(std::string_view path) const;

 private:
  friend void parseText(std::string_view, const std::string&, google::protobuf::Message&,
                        TextPlaces*);
  const google::protobuf::Descriptor* type_ = nullptr;
  google::protobuf::TextFormat::ParseInfoTree tree_;
};

/// Fills `message`, which is cleared first. `name` stands for the text in the error message.
/// errors: UsageError "name:line:column: what is wrong", lines and columns counted from 1.
void parseText(std::string_view text, const std::string& name, google::protobuf::Message& message,
               TextPlaces* places = nullptr);

/// errors: Error when the file can't be read, UsageError as above.
void parseTextFile(const std::filesystem::path& path, google::protobuf::Message& message);

/// One field a line, in the order of their numbers. parseText reads it back unchanged.
std::string printText(const google::protobuf::Message& message);

}  // namespace sphereface
