// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "tests/fuzz/fuzz.h"
#include "watch/http_request.h"

namespace sphereface::fuzz {

std::vector<std::string> seeds() {
  return {"GET / HTTP/1.1\r\nHost: 127.0.0.1:8400\r\nCookie: a=b; sphereface_8400=abc\r\n\r\n",
          "HEAD /a%20b?x&token=abc HTTP/1.0\r\nhost: [::1]:80\r\nAuthorization: Bearer abc\r\n\r\n",
          "POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"};
}

void fuzzOne(std::string_view bytes) {
  const HttpRequest request = parseHttpRequest(bytes);
  namesLoopback(request.host);
  carriesToken(request, "abc");
  tokenCookie(request, "abc");
}

}  // namespace sphereface::fuzz
