// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Every field of a training configuration, as proto/config.proto has it, for people to read.

#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sphereface {

struct ConfigRow {
  std::string path;      // "solver.momentum"; "network.stage[].channels"
  std::string type;      // "double", "bool", "text"; of a field with named values their names
  std::string standard;  // what it is unless it is set; may be empty
  std::string allowed;   // of a number: "[1, 604800] seconds"
  std::string text;      // the schema's comment
};

/// In the order of the schema; a message's row stands before those of its fields.
std::vector<ConfigRow> configTable();

/// The table for a terminal, with the first sentence of each comment.
std::string configHelp();
/// docs/configuration.md.
std::string configDocument();

/// Bytes of a file that is built in (schema_files.cpp is made by cmake/EmbedFiles.cmake).
std::string_view schemaFile(std::string_view name);

}  // namespace sphereface
