// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>
#include <string_view>

namespace sphereface::testing {

/// A connection to a port of this host, for clients that no library is; closed with it.
class TcpConnection {
 public:
  explicit TcpConnection(int port, int patience_seconds = 5)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval patience{patience_seconds, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  TcpConnection(const TcpConnection&) = delete;
  TcpConnection& operator=(const TcpConnection&) = delete;
  ~TcpConnection() { ::close(socket_); }

  /// Whether the system took it.
  bool send(std::string_view text) const {
    return connected_ && ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL) > 0;
  }
  /// To the end of the answer; empty when there is none.
  std::string answer() const {
    std::string text;
    std::array<char, 16384> part{};
    ssize_t count = 0;
    while (connected_ && (count = ::recv(socket_, part.data(), part.size(), 0)) > 0)
      text.append(part.data(), static_cast<size_t>(count));
    return text;
  }

 private:
  int socket_;
  bool connected_ = false;
};

}  // namespace sphereface::testing
