// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "launch/hosts.h"

#include <algorithm>
#include <charconv>
#include <sstream>

#include "base/error.h"

namespace sphereface {
namespace {

Host parseHost(const std::string& text) {
  const size_t colon = text.find(':');
  Host host;
  host.name = text.substr(0, colon);
  bool good = !host.name.empty() && host.name.find_first_of(" \t") == std::string::npos;
  if (colon != std::string::npos) {
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, host.slots);
    good = good && error == std::errc() && stop == end && host.slots > 0;
  }
  if (!good) throw UsageError(concat("--hosts: '", text, "' is neither NAME nor NAME:WORKERS"));
  return host;
}

}  // namespace

std::vector<Host> parseHosts(const std::string& text) {
  std::vector<Host> hosts;
  std::istringstream parts(text + ",");
  for (std::string part; std::getline(parts, part, ',');) {
    const Host host = parseHost(part);
    const bool twice = std::any_of(hosts.begin(), hosts.end(),
                                   [&](const Host& other) { return other.name == host.name; });
    if (twice) throw UsageError(concat("--hosts: ", host.name, " stands there twice"));
    hosts.push_back(host);
  }
  return hosts;
}

int totalSlots(const std::vector<Host>& hosts) {
  int slots = 0;
  for (const Host& host : hosts)
    slots += host.slots;
  return slots;
}

std::vector<Host> fillHosts(const std::vector<Host>& hosts, int workers) {
  if (workers > totalSlots(hosts)) {
    throw UsageError(concat("--workers ", workers, ", but --hosts has places for ",
                            totalSlots(hosts), ": name more hosts or more workers for each"));
  }
  std::vector<Host> filled;
  for (const Host& host : hosts) {
    if (workers == 0) break;
    filled.push_back({host.name, std::min(workers, host.slots)});
    workers -= filled.back().slots;
  }
  return filled;
}

}  // namespace sphereface
