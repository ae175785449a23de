// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The lines a job tells its story in: on stdout, and in the run folder's log.txt.

#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "base/json.h"
#include "proto/config.pb.h"

namespace sphereface {

/// One line without its end. TEXT: "19:05:53 rank 0@node1 checkpoint: runs/...", local time. JSON:
/// an object with time (unix seconds), who, event, text and the fields.
std::string logLine(CoordinatorConfig::LogFormat format, const std::string& who,
                    const std::string& event, const std::string& text,
                    const Json& fields = Json::object());

class LogOutput {
 public:
  /// Appends to `file`, if any. `who`: "rank 0@node1". `bar`: show a progress bar below the lines,
  /// on a terminal; not with JSON. errors: Error when the file can't be opened.
  LogOutput(CoordinatorConfig::LogFormat format, std::string who,
            const std::filesystem::path& file = {}, bool bar = false);
  LogOutput(const LogOutput&) = delete;
  LogOutput& operator=(const LogOutput&) = delete;
  /// Takes the bar away.
  ~LogOutput();

  void line(const std::string& event, const std::string& text, const Json& fields = Json::object());
  /// To be called at every step: draws the bar a few times a second. `note` follows it.
  void progress(uint64_t done, uint64_t total, const std::string& note);

 private:
  CoordinatorConfig::LogFormat format_;
  std::string who_;
  std::ofstream file_;
  bool bar_;
  std::string shown_;  // of the bar
  double drawn_ = 0;   // when
};

}  // namespace sphereface
