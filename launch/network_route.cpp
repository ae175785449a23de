// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "launch/network_route.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <system_error>

#include "base/error.h"

namespace sphereface {
namespace {

constexpr uint16_t kDiscardPort = 9;

/// A route, or why there is none.
struct RouteSearch {
  std::optional<Route> route;
  std::string problem;  // empty: the host is this one
};

RouteSearch failed(const char* attempt) {
  return {std::nullopt, concat(attempt, ": ", std::generic_category().message(errno))};
}

/// This host's address on the way there: what the kernel gives a datagram socket that is told its
/// peer. None with errno set.
std::optional<in_addr> localAddress(const sockaddr_in& peer) {
  const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return std::nullopt;
  sockaddr_in local{};
  socklen_t size = sizeof local;
  const bool found =
      ::connect(socket, reinterpret_cast<const sockaddr*>(&peer), sizeof peer) == 0 &&
      ::getsockname(socket, reinterpret_cast<sockaddr*>(&local), &size) == 0;
  const int error = errno;
  ::close(socket);
  errno = error;
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

RouteSearch searchRoute(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* addresses = nullptr;
  if (const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &addresses); error != 0) {
    return {std::nullopt, concat("no IPv4 address: ", ::gai_strerror(error))};
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(addresses, ::freeaddrinfo);
  sockaddr_in peer{};
  std::memcpy(&peer, addresses->ai_addr, sizeof peer);
  peer.sin_port = htons(kDiscardPort);
  const std::optional<in_addr> local = localAddress(peer);
  if (!local) return failed("no route");
  if (local->s_addr == peer.sin_addr.s_addr) return {};
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) return failed("list the interfaces");
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> all_owner(all, ::freeifaddrs);
  for (const ifaddrs* entry = all; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr || entry->ifa_addr->sa_family != AF_INET ||
        entry->ifa_netmask == nullptr || ipv4(entry->ifa_addr) != local->s_addr) {
      continue;
    }
    if ((entry->ifa_flags & IFF_LOOPBACK) != 0) return {};
    const uint32_t mask = ipv4(entry->ifa_netmask);
    Route route;
    route.interface = entry->ifa_name;
    route.address = text(local->s_addr);
    route.network = concat(text(local->s_addr & mask), "/", std::popcount(mask));
    route.direct = (local->s_addr & mask) == (peer.sin_addr.s_addr & mask);
    return {route, {}};
  }
  return {std::nullopt, concat("no interface has the address ", text(local->s_addr))};
}

}  // namespace

std::optional<Route> routeTo(const std::string& host) {
  return searchRoute(host).route;
}

SharedNetwork sharedNetwork(const std::vector<std::string>& hosts) {
  SharedNetwork shared;
  for (const std::string& host : hosts) {
    const auto [route, problem] = searchRoute(host);
    if (!problem.empty()) return {std::nullopt, concat(host, ": ", problem)};
    if (!route) continue;
    if (!route->direct) {
      return {std::nullopt,
              concat(host, " is not in ", route->network, ", through which it is reached")};
    }
    if (shared.route && shared.route->network != route->network) {
      return {std::nullopt,
              concat(host, " is in ", route->network, ", others in ", shared.route->network)};
    }
    shared.route = route;
  }
  return shared;
}

}  // namespace sphereface
