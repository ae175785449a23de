// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "doctor/network_checks.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <sstream>

#include "base/error.h"

namespace sphereface::doctor {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// The items of a list that no interface answers to.
std::vector<std::string> unknownItems(const std::string& list,
                                      const std::vector<Interface>& interfaces) {
  std::vector<std::string> unknown;
  std::istringstream items(list);
  for (std::string item; std::getline(items, item, ',');) {
    if (std::none_of(interfaces.begin(), interfaces.end(),
                     [&](const Interface& one) { return includes(item, one); })) {
      unknown.push_back(item);
    }
  }
  return unknown;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words)
    text += (text.empty() ? "" : ", ") + word;
  return text;
}

std::string exports(const std::string& list) {
  return concat("export OMPI_MCA_btl_tcp_if_include=", list, " OMPI_MCA_oob_tcp_if_include=", list,
                " (mpirun --mca btl_tcp_if_include ", list, " --mca oob_tcp_if_include ", list,
                ")");
}

}  // namespace

std::vector<Interface> interfaces() {
  std::vector<Interface> result;
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return result;
  for (const ifaddrs* one = list; one != nullptr; one = one->ifa_next) {
    if ((one->ifa_flags & IFF_UP) == 0 || one->ifa_addr == nullptr ||
        one->ifa_addr->sa_family != AF_INET) {
      continue;
    }
    const auto* address = reinterpret_cast<const sockaddr_in*>(one->ifa_addr);
    std::array<char, INET_ADDRSTRLEN> text{};
    ::inet_ntop(AF_INET, &address->sin_addr, text.data(), text.size());
    result.push_back({one->ifa_name, text.data(), (one->ifa_flags & IFF_LOOPBACK) != 0});
  }
  ::freeifaddrs(list);
  return result;
}

bool isVirtualBridge(const std::string& name) {
  for (const char* prefix : {"docker", "virbr", "br-", "veth", "vmnet", "vboxnet", "lxcbr", "lxdbr",
                             "cni", "flannel", "cali", "podman", "tun", "tap"}) {
    if (name.starts_with(prefix)) return true;
  }
  return false;
}

bool includes(const std::string& item, const Interface& interface) {
  const size_t slash = item.find('/');
  if (slash == std::string::npos) return item == interface.name;
  in_addr network{};
  in_addr address{};
  const int bits = std::atoi(item.c_str() + slash + 1);
  if (bits < 0 || bits > 32 || ::inet_pton(AF_INET, item.substr(0, slash).c_str(), &network) != 1 ||
      ::inet_pton(AF_INET, interface.address.c_str(), &address) != 1) {
    return false;
  }
  const uint64_t mask = ~((uint64_t{1} << (32 - bits)) - 1);
  return (ntohl(network.s_addr) & mask) == (ntohl(address.s_addr) & mask);
}

NetworkChoice networkChoice() {
  NetworkChoice choice;
  choice.messages = variable("OMPI_MCA_btl_tcp_if_include");
  choice.control = variable("OMPI_MCA_oob_tcp_if_include");
  choice.excluded = !variable("OMPI_MCA_btl_tcp_if_exclude").empty() &&
                    !variable("OMPI_MCA_oob_tcp_if_exclude").empty();
  return choice;
}

Finding networkFinding(const std::vector<Interface>& interfaces, const NetworkChoice& choice) {
  const std::string name = "network";
  std::vector<std::string> all;
  std::vector<std::string> bridges;
  std::string real;  // the first that could lead to another host
  for (const Interface& one : interfaces) {
    all.push_back(concat(one.name, " ", one.address));
    if (isVirtualBridge(one.name)) {
      bridges.push_back(one.name);
    } else if (!one.loopback && real.empty()) {
      real = one.name;
    }
  }
  if (real.empty()) real = "lo";
  const std::string found = interfaces.empty() ? "no interface is up" : "up: " + joined(all);
  for (const auto& [list, set] : {std::pair(choice.messages, "OMPI_MCA_btl_tcp_if_include"),
                                  std::pair(choice.control, "OMPI_MCA_oob_tcp_if_include")}) {
    const std::vector<std::string> unknown = unknownItems(list, interfaces);
    if (!unknown.empty()) {
      return failure(name, concat(found, "; ", set, " names ", joined(unknown), ", which isn't"),
                     exports(real));
    }
  }
  if (interfaces.empty()) return warning(name, found, "ip link set lo up");
  const bool chosen = choice.excluded || (!choice.messages.empty() && !choice.control.empty());
  if (!bridges.empty() && !chosen) {
    return warning(name,
                   concat(found, "; between hosts OpenMPI may choose ", joined(bridges),
                          ", which leads nowhere, and hang"),
                   exports(real));
  }
  return good(name, chosen ? concat(found, "; OpenMPI was told which to use") : found);
}

}  // namespace sphereface::doctor
