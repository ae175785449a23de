// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Through which of this host's networks another host is reached. A host often has several, some of
// them virtual bridges that lead nowhere, and what picks the wrong one waits for ever.

#pragma once

#include <optional>
#include <string>
#include <vector>

namespace sphereface {

struct Route {
  std::string interface;  // "eth0"
  std::string address;    // of this host there, "10.0.0.7"
  std::string network;    // "10.0.0.0/24"
  bool direct = false;    // the other host is in that network
};

/// By the kernel's routing table; nothing is sent. Empty when the name has no IPv4 address, there
/// is no route to it, or it is this host itself.
std::optional<Route> routeTo(const std::string& host);

/// The one network that all of `hosts` but this one are in and are reached through.
struct SharedNetwork {
  std::optional<Route> route;
  std::string problem;  // why there is none, unless no other host is asked for
};
SharedNetwork sharedNetwork(const std::vector<std::string>& hosts);

}  // namespace sphereface
