// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Several "hosts" on this machine: network namespaces with an address each, joined by a bridge in a
// namespace of its own, so that nothing outside them is touched. They share files and processes
// with this machine, not network and host name.

#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace sphereface::testing {

/// Hosts count from 1; host 2 is called "node2".
class NetworkNamespaces {
 public:
  /// Why there can be none here; empty when there can.
  static std::string missing();

  /// Two or more. errors: std::runtime_error with what `ip` said.
  explicit NetworkNamespaces(int hosts);
  NetworkNamespaces(const NetworkNamespaces&) = delete;
  NetworkNamespaces& operator=(const NetworkNamespaces&) = delete;
  /// Ends every process left on the hosts, and removes them.
  ~NetworkNamespaces();

  static std::string name(int host);
  static std::string address(int host);

  /// The command line that runs `command` on the host.
  std::vector<std::string> on(int host, const std::vector<std::string>& command) const;
  /// A program that runs commands on a host by its address, as ssh does: a host whose link is cut
  /// can't be reached, and what was started on one survives the connection.
  const std::filesystem::path& agent() const { return agent_; }

  void cutLink(int host) const;
  /// Returns when the host can be reached again.
  void mendLink(int host) const;
  /// What the host's link carries from now on, in Mbit/s, each way.
  void slowLink(int host, int megabits) const;
  /// Through the host's link since it was made.
  uint64_t bytesSent(int host) const;
  uint64_t bytesReceived(int host) const;

  /// Connections of the host whose peer stays silent are given up after some 6 s, instead of a
  /// quarter of an hour.
  void loseHopeSoon(int host) const;

  /// What runs on the host.
  std::vector<pid_t> processes(int host) const;

 private:
  std::string space(int host) const;
  std::string switchSpace() const;
  void make() const;
  void waitForLink(int host) const;
  void remove() const;
  uint64_t counter(int host, const std::string& file) const;

  int hosts_;
  std::string prefix_;
  std::filesystem::path agent_;
};

}  // namespace sphereface::testing
