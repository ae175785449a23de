// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The hosts a job runs on, as they are named on a command line.

#pragma once

#include <string>
#include <vector>

namespace sphereface {

struct Host {
  std::string name;  // or IPv4 address
  int slots = 1;     // workers it takes
};

/// "node1:8,node2:8"; without a number a host takes one worker.
/// errors: UsageError quoting the part that is none, or a host named twice.
std::vector<Host> parseHosts(const std::string& text);

int totalSlots(const std::vector<Host>& hosts);

/// The hosts that `workers` workers fill, the first ones first, with the workers of each as slots.
/// errors: UsageError when there are more workers than slots.
std::vector<Host> fillHosts(const std::vector<Host>& hosts, int workers);

}  // namespace sphereface
