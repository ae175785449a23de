// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// A small HTTP server for pages that are only looked at: GET and HEAD, small requests, few
// connections, in threads that give way to those that train.

#pragma once

#include <functional>
#include <memory>
#include <string>

namespace sphereface {

struct HttpResponse {
  int status = 200;
  std::string type;  // with its charset
  std::string body;
};

/// Called from the server's threads, several at a time, with the path ("/metrics"), decoded.
/// An exception becomes status 500.
using HttpHandler = std::function<HttpResponse(const std::string& path)>;

/// Serves until destroyed. At a loopback address only requests that name such a host are answered,
/// so that no page of another site can read this one by giving its own name this address.
class HttpServer {
 public:
  /// `listen`: ADDRESS:PORT; port 0 takes a free one. `field` names it in errors.
  /// errors: UsageError when it isn't of that form, Error when it can't be bound.
  HttpServer(const std::string& listen, const std::string& field, HttpHandler handler);
  ~HttpServer();

  /// ADDRESS:PORT, by which another program on this host reaches it.
  const std::string& address() const { return address_; }
  /// http://ADDRESS:PORT, with this host's name when it serves at all addresses.
  const std::string& url() const { return url_; }
  /// Whether only programs on this host can connect.
  bool loopback() const { return loopback_; }

 private:
  struct Server;
  std::unique_ptr<Server> server_;
  std::string address_;
  std::string url_;
  bool loopback_ = true;
};

}  // namespace sphereface
