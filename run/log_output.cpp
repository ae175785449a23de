// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "run/log_output.h"

#include <array>
#include <cstdio>
#include <ctime>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "base/printable.h"
#include "base/progress.h"

namespace sphereface {
namespace {

constexpr double kBarInterval = 0.2;  // seconds
constexpr const char* kClearLine = "\r\033[K";

std::string clockText(double unix_time) {
  const auto seconds = static_cast<std::time_t>(unix_time);
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  std::array<char, 16> text{};
  std::strftime(text.data(), text.size(), "%H:%M:%S", &parts);
  return text.data();
}

}  // namespace

std::string logLine(CoordinatorConfig::LogFormat format, const std::string& who,
                    const std::string& event, const std::string& text, const Json& fields) {
  const double now = unixTime();
  if (format == CoordinatorConfig::TEXT) {
    return printableLine(concat(clockText(now), " ", who, " ", event, ": ", text));
  }
  Json line = {{"time", now}, {"who", who}, {"event", event}, {"text", text}};
  line.update(fields);
  return jsonText(line);
}

LogOutput::LogOutput(CoordinatorConfig::LogFormat format, std::string who,
                     const std::filesystem::path& file, bool bar)
    : format_(format), who_(std::move(who)), bar_(bar && format == CoordinatorConfig::TEXT) {
  if (file.empty()) return;
  file_.open(file, std::ios::app);
  if (!file_) throw Error(concat("cannot write ", file.string()));
}

LogOutput::~LogOutput() {
  if (!shown_.empty()) std::fputs(kClearLine, stdout);
  std::fflush(stdout);
}

void LogOutput::line(const std::string& event, const std::string& text, const Json& fields) {
  const std::string line = logLine(format_, who_, event, text, fields);
  std::printf("%s%s\n%s", shown_.empty() ? "" : kClearLine, line.c_str(), shown_.c_str());
  std::fflush(stdout);
  // A full disk mustn't end training for this; the run's own files will say so.
  if (file_.is_open()) file_ << line << std::endl;
}

void LogOutput::progress(uint64_t done, uint64_t total, const std::string& note) {
  if (!bar_ || secondsNow() - drawn_ < kBarInterval) return;
  drawn_ = secondsNow();
  shown_ = concat(progressBar(done, total), " ", done, "/", total, " steps  ", note);
  std::printf("%s%s", kClearLine, shown_.c_str());
  std::fflush(stdout);
}

}  // namespace sphereface
