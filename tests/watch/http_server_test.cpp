// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The server, asked by curl, and by clients that are slow or silent.

#include "watch/http_server.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "tests/support/process.h"
#include "tests/support/tcp_connection.h"
#include "tests/support/wait_until.h"

namespace sphereface {
namespace {

class HttpServerTest : public ::testing::Test {
 protected:
  /// Status line, headers and body.
  std::string ask(const std::string& path, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> line = {"curl", "-s", "-i", "--path-as-is", "--max-time", "10"};
    line.insert(line.end(), more.begin(), more.end());
    line.push_back(server_.url() + path);
    return testing::runCommand(line).output;
  }

  static int portOf(const HttpServer& server) {
    return std::stoi(server.address().substr(server.address().rfind(':') + 1));
  }

  static bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
  }

  const HttpServer server_{"127.0.0.1:0", "listen", [](const std::string& path) -> HttpResponse {
                             if (path == "/broken") throw std::runtime_error("it broke");
                             if (path == "/large")
                               return {200, "text/plain", std::string(8 << 20, 'x')};
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
  for (const char* host : {"evil.example:80", "127.0.0.1.evil.example", "127.evil.example", ""}) {
    const std::string answer = ask("/page", {"-H", concat("Host: ", host)});
    EXPECT_TRUE(has(answer, "HTTP/1.1 403 Forbidden")) << host << "\n" << answer;
  }
  EXPECT_TRUE(has(ask("/page", {"-H", "Host: localhost:8400"}), "HTTP/1.1 200"));
}

TEST_F(HttpServerTest, NamesAnAddressItCantHave) {
  const HttpHandler none = [](const std::string&) { return HttpResponse(); };
  for (const char* wrong : {"nonsense", ":80", "", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536",
                            "127.0.0.1:0,", ",127.0.0.1:0", "127.0.0.1:0,nonsense"})
    EXPECT_THROW(HttpServer(wrong, "field", none), UsageError) << wrong;
  try {
    const HttpServer second(server_.address(), "the.field", none);
    FAIL() << "bound twice";
  } catch (const Error& e) {
    EXPECT_TRUE(has(e.what(), server_.address())) << e.what();
    EXPECT_TRUE(has(e.what(), "the.field")) << e.what();
  }
  EXPECT_TRUE(server_.loopback());
}

TEST_F(HttpServerTest, KnowsWhetherAnyOfItsAddressesIsOpen) {
  const HttpHandler none = [](const std::string&) { return HttpResponse(); };
  for (const char* open : {"0.0.0.0:0", "0:0", "127.0.0.1:0,0.0.0.0:0", "0.0.0.0:0,127.0.0.1:0"})
    EXPECT_FALSE(HttpServer(open, "field", none).loopback()) << open;
  for (const char* loopback :
       {"127.0.0.1:0", "127.3.2.1:0", "localhost:0", "127.0.0.1:0,127.0.0.2:0"})
    EXPECT_TRUE(HttpServer(loopback, "field", none).loopback()) << loopback;
  // Each is answered as what it is.
  const HttpServer both("127.0.0.1:0,0.0.0.0:0", "field", none);
  const testing::TcpConnection connection(portOf(both));
  connection.send("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n");
  EXPECT_TRUE(connection.answer().starts_with("HTTP/1.1 403"));
}

TEST_F(HttpServerTest, RefusesBodiesWithoutReadingThem) {
  const std::string body(1 << 20, 'x');
  for (const char* method : {"POST", "PUT", "GET"}) {
    for (const char* length : {"Content-Length: 1048576", "Transfer-Encoding: chunked"}) {
      const testing::TcpConnection connection(portOf(server_));
      connection.send(concat(method, " /page HTTP/1.1\r\nHost: localhost\r\n", length,
                             "\r\nExpect: 100-continue\r\n\r\n"));
      const std::string answer = connection.answer();
      EXPECT_TRUE(answer.starts_with(*method == 'G' ? "HTTP/1.1 413" : "HTTP/1.1 405")) << answer;
      EXPECT_TRUE(has(answer, "Connection: close")) << answer;
    }
  }
}

/// Each of these held a thread of a server with threads for as long as it liked, or for seconds.
TEST_F(HttpServerTest, AnswersWhateverOthersDoSlowlyOrNotAtAll) {
  const int port = portOf(server_);
  const std::string post =
      "POST /page HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n";
  std::vector<std::unique_ptr<testing::TcpConnection>> slow;
  const auto connect = [&](int count, const std::string& first) {
    for (int i = 0; i < count; ++i) {
      slow.push_back(std::make_unique<testing::TcpConnection>(port));
      if (!first.empty()) slow.back()->send(first);
    }
  };
  connect(30, "");
  connect(10, post);
  connect(10, "GET /page HTTP/1.1\r\nX: ");
  connect(10, "GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n");  // and none takes the answer
  std::atomic<bool> ended{false};
  std::thread byte_by_byte([&] {
    while (!ended) {
      for (size_t i = 30; i < 50; ++i)
        slow[i]->send("x");
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
  });
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(has(ask("/page"), "HTTP/1.1 200"));
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  connect(300, "");  // more than there may be
  EXPECT_TRUE(has(ask("/page"), "HTTP/1.1 200"));
  ended = true;
  byte_by_byte.join();
}

TEST_F(HttpServerTest, EndsARequestThatTakesTooLongByteByByte) {
  const testing::TcpConnection connection(portOf(server_));
  connection.send("GET /page HTTP/1.1\r\nX: ");
  // The system says so at the second byte after the end.
  EXPECT_TRUE(testing::waitUntil(
      [&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(80));
        return !connection.send("x");
      },
      10));
}

TEST_F(HttpServerTest, AnswersWhoHasTheTokenAlone) {
  const HttpServer secret(
      "127.0.0.1:0", "field",
      [](const std::string&) -> HttpResponse {
        return {200, "text/plain", "the secret"};
      },
      "0123456789abcdef");
  const auto ask = [&](const std::string& path, const std::vector<std::string>& more = {}) {
    std::vector<std::string> line = {"curl", "-s", "-i", "--max-time", "10"};
    line.insert(line.end(), more.begin(), more.end());
    line.push_back(secret.url() + path);
    return testing::runCommand(line).output;
  };
  const std::string cookie = concat("sphereface_", portOf(secret), "=0123456789abcdef");
  for (const char* path : {"/", "/metrics", "/?token=", "/?token=0123456789abcdee", "/?token=0"}) {
    const std::string answer = ask(path);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 401 Unauthorized")) << answer;
    EXPECT_FALSE(has(answer, "the secret") || has(answer, "Set-Cookie")) << answer;
    EXPECT_EQ(answer.find('\n', answer.find("\r\n\r\n") + 4), answer.size() - 1) << "one line";
  }
  const std::string opened = ask("/?token=0123456789abcdef");
  EXPECT_TRUE(has(opened, "the secret")) << opened;
  EXPECT_TRUE(
      has(opened, concat("Set-Cookie: ", cookie, "; Path=/; HttpOnly; SameSite=Strict\r\n")))
      << opened;
  for (const std::vector<std::string>& more : std::vector<std::vector<std::string>>{
           {"-H", "Authorization: Bearer 0123456789abcdef"}, {"-H", "Cookie: " + cookie}}) {
    EXPECT_TRUE(has(ask("/metrics", more), "the secret")) << more[1];
    EXPECT_FALSE(has(ask("/metrics", more), "Set-Cookie")) << more[1];
  }
  EXPECT_TRUE(
      ask("/?token=0123456789abcdef", {"-H", "Host: evil.example"}).starts_with("HTTP/1.1 403"));
}

}  // namespace
}  // namespace sphereface
