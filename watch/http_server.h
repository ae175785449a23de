// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// A small HTTP server for pages that are only looked at: GET and HEAD, one request a connection.
//
// One thread, which gives way to those that train, looks after all connections by poll(), so that
// none that is slow or silent keeps another from being answered. Each has a deadline for its
// request and one for taking the answer, however many bytes come or go meanwhile. When there are as
// many as may be, the oldest makes room. No body is read.

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

/// Called from the server's thread with the path ("/metrics"), decoded. An exception becomes status
/// 500.
using HttpHandler = std::function<HttpResponse(const std::string& path)>;

/// Serves until destroyed. What comes in at a loopback address is answered only when it names such
/// a host, so that no page of another site can read this one by giving its own name this address.
class HttpServer {
 public:
  /// `listen`: ADDRESS:PORT, or several, with commas between; port 0 takes a free one. `field`
  /// names it in errors. With a `token` only those are answered that have it
  /// (watch/http_request.h). errors: UsageError when it isn't of that form, Error when it can't be
  /// bound.
  HttpServer(const std::string& listen, const std::string& field, HttpHandler handler,
             const std::string& token = {});
  ~HttpServer();

  /// ADDRESS:PORT of the first, by which another program on this host reaches it.
  const std::string& address() const { return address_; }
  /// http://ADDRESS:PORT, with this host's name when it serves at all addresses.
  std::string url() const { return "http://" + address_; }
  /// Whether only programs on this host can connect.
  bool loopback() const { return loopback_; }

 private:
  struct Server;
  std::unique_ptr<Server> server_;
  std::string address_;
  bool loopback_ = true;
};

}  // namespace sphereface
