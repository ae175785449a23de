// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// A request for a page, as its bytes have it. What isn't plainly right is refused: a browser, curl
// and Prometheus ask plainly.

#pragma once

#include <string>
#include <string_view>

namespace sphereface {

struct HttpRequest {
  int status = 200;   // else what to answer it with
  bool head = false;  // HEAD: without the body
  std::string path;   // decoded, "/metrics"
  std::string token;  // of "?token=..."
  std::string host;   // the headers of these names
  std::string authorization;
  std::string cookie;
};

/// `text`: its lines to the empty one, each with its CR LF. A request that announces a body is
/// refused.
HttpRequest parseHttpRequest(std::string_view text);

/// Whether a Host header has an address of 127.0.0.0/8, [::1] or localhost, with a port or without:
/// a page of another site whose name leads to this host has that name there.
bool namesLoopback(std::string_view host);

/// Whether it has the token: in its query, a cookie, or as "Authorization: Bearer". How long that
/// takes doesn't tell how much of one is right.
bool carriesToken(const HttpRequest& request, std::string_view token);

/// "Set-Cookie: ..." by which a browser has the token from then on. Browsers give a cookie to all
/// ports of a host, so its name has the port, as the browser knows it.
std::string tokenCookie(const HttpRequest& request, std::string_view token);

}  // namespace sphereface
