// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The server, asked by curl.

#include "watch/http_server.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/error.h"
#include "tests/support/process.h"

namespace sphereface {
namespace {

class HttpServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (std::system("command -v curl >/dev/null 2>&1") != 0) GTEST_SKIP() << "no curl";
  }

  /// Status line, headers and body.
  std::string ask(const std::string& path, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> line = {"curl", "-s", "-i", "--path-as-is", "--max-time", "10"};
    line.insert(line.end(), more.begin(), more.end());
    line.push_back(server_.url() + path);
    return testing::runCommand(line).output;
  }

  static bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
  }

  const HttpServer server_{"127.0.0.1:0", "listen", [](const std::string& path) -> HttpResponse {
                             if (path == "/broken") throw std::runtime_error("it broke");
                             if (path != "/page") return {404, "text/plain", "none"};
                             return {200, "text/html; charset=utf-8", "hello"};
                           }};
};

TEST_F(HttpServerTest, AnswersWithTypeAndSecurityHeaders) {
  const std::string page = ask("/page?query=ignored");
  for (const char* part : {"HTTP/1.1 200 OK", "Content-Type: text/html; charset=utf-8",
                           "Content-Length: 5", "X-Content-Type-Options: nosniff",
                           "Content-Security-Policy: default-src 'none'", "\r\n\r\nhello"})
    EXPECT_TRUE(has(page, part)) << part << "\n" << page;
  const std::string head = ask("/page", {"--head"});
  EXPECT_TRUE(has(head, "Content-Length: 5")) << head;
  EXPECT_FALSE(has(head, "hello")) << head;
  EXPECT_TRUE(has(ask("/broken"), "500 Internal Server Error")) << ask("/broken");
}

TEST_F(HttpServerTest, HasNoOtherPathsOrMethods) {
  for (const char* path :
       {"/", "/../../../etc/passwd", "/..%2f..%2fetc%2fpasswd", "/page/", "/page/../.."}) {
    EXPECT_FALSE(has(ask(path), "HTTP/1.1 200")) << path << "\n" << ask(path);
  }
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND", "MKCOL"}) {
    const std::string answer = ask("/page", {"-X", method});
    EXPECT_FALSE(has(answer, "HTTP/1.1 200")) << method << "\n" << answer;
  }
}

TEST_F(HttpServerTest, RefusesLargeRequests) {
  EXPECT_FALSE(has(ask("/page?" + std::string(20000, 'a')), "HTTP/1.1 200"));
  EXPECT_FALSE(has(ask("/page", {"-H", "X-Long: " + std::string(20000, 'a')}), "HTTP/1.1 200"));
}

TEST_F(HttpServerTest, AnswersAsThisHostOnly) {
  EXPECT_TRUE(has(ask("/page", {"-H", "Host: evil.example:80"}), "403 Forbidden"));
  EXPECT_TRUE(has(ask("/page", {"-H", "Host: localhost:8400"}), "HTTP/1.1 200"));
}

TEST_F(HttpServerTest, NamesAnAddressItCantHave) {
  const HttpHandler none = [](const std::string&) { return HttpResponse(); };
  for (const char* wrong : {"nonsense", ":80", ""})
    EXPECT_THROW(HttpServer(wrong, "field", none), UsageError) << wrong;
  try {
    const HttpServer second(server_.address(), "the.field", none);
    FAIL() << "bound twice";
  } catch (const Error& e) {
    EXPECT_TRUE(has(e.what(), server_.address())) << e.what();
    EXPECT_TRUE(has(e.what(), "the.field")) << e.what();
  }
  EXPECT_TRUE(server_.loopback());
  EXPECT_FALSE(HttpServer("0.0.0.0:0", "field", none).loopback());
}

}  // namespace
}  // namespace sphereface
