// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "control/network_route.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <memory>

#include "base/error.h"

namespace sphereface {
namespace {

constexpr uint16_t kDiscardPort = 9;

std::optional<sockaddr_in> addressOf(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) return std::nullopt;
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, ::freeaddrinfo);
  sockaddr_in address{};
  std::memcpy(&address, found->ai_addr, sizeof address);
  address.sin_port = htons(kDiscardPort);
  return address;
}

/// This host's address on the way there: what the kernel gives a datagram socket that is told its
/// peer.
std::optional<in_addr> localAddress(const sockaddr_in& peer) {
  const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return std::nullopt;
  sockaddr_in local{};
  socklen_t size = sizeof local;
  const bool found =
      ::connect(socket, reinterpret_cast<const sockaddr*>(&peer), sizeof peer) == 0 &&
      ::getsockname(socket, reinterpret_cast<sockaddr*>(&local), &size) == 0;
  ::close(socket);
  if (!found) return std::nullopt;
  return local.sin_addr;
}

uint32_t ipv4(const sockaddr* address) {
  sockaddr_in in{};
  std::memcpy(&in, address, sizeof in);
  return in.sin_addr.s_addr;  // in network order, as all here
}

std::string text(uint32_t address) {
  std::array<char, INET_ADDRSTRLEN> buffer{};
  ::inet_ntop(AF_INET, &address, buffer.data(), buffer.size());
  return buffer.data();
}

}  // namespace

std::optional<Route> routeTo(const std::string& host) {
  const std::optional<sockaddr_in> peer = addressOf(host);
  if (!peer) return std::nullopt;
  const std::optional<in_addr> local = localAddress(*peer);
  if (!local || local->s_addr == peer->sin_addr.s_addr) return std::nullopt;
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) return std::nullopt;
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(all, ::freeifaddrs);
  for (const ifaddrs* entry = all; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr || entry->ifa_addr->sa_family != AF_INET ||
        entry->ifa_netmask == nullptr || ipv4(entry->ifa_addr) != local->s_addr) {
      continue;
    }
    if ((entry->ifa_flags & IFF_LOOPBACK) != 0) return std::nullopt;
    const uint32_t mask = ipv4(entry->ifa_netmask);
    Route route;
    route.interface = entry->ifa_name;
    route.address = text(local->s_addr);
    route.network = concat(text(local->s_addr & mask), "/", std::popcount(mask));
    route.direct = (local->s_addr & mask) == (peer->sin_addr.s_addr & mask);
    return route;
  }
  return std::nullopt;
}

std::optional<Route> sharedNetwork(const std::vector<std::string>& hosts) {
  std::optional<Route> shared;
  for (const std::string& host : hosts) {
    const std::optional<Route> route = routeTo(host);
    if (!route) continue;
    if (!route->direct || (shared && shared->network != route->network)) return std::nullopt;
    shared = route;
  }
  return shared;
}

}  // namespace sphereface
