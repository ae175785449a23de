// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "watch/http_request.h"

#include <gtest/gtest.h>

#include <string>

#include "base/error.h"

namespace sphereface {
namespace {

TEST(HttpRequest, OfABrowserIsRead) {
  const HttpRequest request = parseHttpRequest(
      "GET /api/a%20b?x=1&token=abc&y HTTP/1.1\r\nHost:127.0.0.1:8400\r\n"
      "COOKIE: \t a=b; c=d \r\nauthorization: Bearer abc\r\nAccept: */*\r\n\r\n");
  EXPECT_EQ(request.status, 200);
  EXPECT_EQ(request.path, "/api/a b");
  EXPECT_EQ(request.token, "abc");
  EXPECT_EQ(request.host, "127.0.0.1:8400");
  EXPECT_EQ(request.cookie, "a=b; c=d");
  EXPECT_EQ(request.authorization, "Bearer abc");
  EXPECT_FALSE(request.head);
  EXPECT_TRUE(parseHttpRequest("HEAD / HTTP/1.0\r\n\r\n").head);
}

TEST(HttpRequest, ThatIsNotPlainlyRightIsRefused) {
  const auto status = [](const std::string& text) { return parseHttpRequest(text).status; };
  for (const char* line :
       {"", "GET", "GET /", "GET / HTTP/2", "GET / HTTP/1.1 ", "GET  / HTTP/1.1", " GET / HTTP/1.1",
        "GET http://x/ HTTP/1.1", "GET x HTTP/1.1", "GET /%4 HTTP/1.1", "GET /%zz HTTP/1.1",
        "GET /%-1 HTTP/1.1", "GET /\x7f HTTP/1.1", "GET /a b HTTP/1.1", "\xff"})
    EXPECT_EQ(status(concat(line, "\r\n\r\n")), 400) << line;
  for (const char* header : {"Host", ": a", "Host : a", " Host: a", "Host: a\r\nhost: b",
                             "Host: a\r\n b", "Host: \x01", "Host: a\nX: b", "Host: a\rX: b"})
    EXPECT_EQ(status(concat("GET / HTTP/1.1\r\n", header, "\r\n\r\n")), 400) << header;
  using namespace std::string_literals;
  EXPECT_EQ(status("GET /\0 HTTP/1.1\r\n\r\n"s), 400);
  EXPECT_EQ(status("GET / HTTP/1.1\r\n"), 400) << "without its end";
  EXPECT_EQ(status("GET / HTTP/1.1\r\n\r\nmore"), 400);
  EXPECT_EQ(status("POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n"), 405);
  EXPECT_EQ(status("get / HTTP/1.1\r\n\r\n"), 405);
  EXPECT_EQ(status("GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\n"), 413);
  EXPECT_EQ(status("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"), 413);
  EXPECT_EQ(status("GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n"), 200);
}

TEST(HttpRequest, OnlyWholeAddressesOfThisHostAreLoopback) {
  for (const char* host : {"127.0.0.1", "127.0.0.1:8400", "127.255.3.9:1", "localhost",
                           "LocalHost:80", "[::1]", "[::1]:8400"})
    EXPECT_TRUE(namesLoopback(host)) << host;
  for (const char* host : {"",
                           "127.0.0.1.evil.com",
                           "127.0.0.1.evil.com:8400",
                           "127.evil.com",
                           "127.",
                           "127.0.0",
                           "127.1",
                           "127.0.0.1.",
                           "127.0.0.256",
                           "127.0.0.1:",
                           "127.0.0.1:x",
                           "127.0.0.1:80:80",
                           "127.0.0.1:123456",
                           "127.0.0.1@evil.com",
                           "evil.com:127.0.0.1",
                           "128.0.0.1",
                           "0.0.0.0",
                           "localhost.evil.com",
                           "localhost.",
                           "xlocalhost",
                           "[::1].evil.com",
                           "[::1]x:80",
                           "[::2]",
                           "::1",
                           "[::1",
                           "[",
                           "]",
                           ":",
                           ":80",
                           "[127.0.0.1]",
                           "0x7f.0.0.1",
                           "2130706433",
                           "127.0.0.1 ",
                           "[::ffff:127.0.0.1]"})
    EXPECT_FALSE(namesLoopback(host)) << host;
}

TEST(HttpRequest, CarriesItsTokenInOneOfThreeWays) {
  const std::string token = "0123456789abcdef0123456789abcdef";
  HttpRequest none;
  EXPECT_FALSE(carriesToken(none, token));
  HttpRequest query;
  query.token = token;
  EXPECT_TRUE(carriesToken(query, token));
  for (const std::string& given : {"Bearer " + token, "bearer  " + token}) {
    HttpRequest request;
    request.authorization = given;
    EXPECT_TRUE(carriesToken(request, token)) << given;
  }
  for (const std::string& given :
       {token, "Basic " + token, "Bearer" + token, std::string("Bearer "),
        "Bearer " + token.substr(1), "Bearer " + token + "0"}) {
    HttpRequest request;
    request.authorization = given;
    EXPECT_FALSE(carriesToken(request, token)) << given;
  }
  for (const std::string& given :
       {"sphereface_8400=" + token, "a=b; sphereface_1=old;sphereface_8400=" + token + "; c"}) {
    HttpRequest request;
    request.cookie = given;
    EXPECT_TRUE(carriesToken(request, token)) << given;
  }
  for (const std::string& given : {token, "other=" + token, "sphereface_1=" + token.substr(1),
                                   std::string("sphereface_1="), "sphereface_1=x" + token}) {
    HttpRequest request;
    request.cookie = given;
    EXPECT_FALSE(carriesToken(request, token)) << given;
  }
}

TEST(HttpRequest, ACookieIsNamedByTheBrowsersPort) {
  HttpRequest request;
  request.host = "localhost:9001";
  const std::string cookie = tokenCookie(request, "abc");
  EXPECT_EQ(cookie, "Set-Cookie: sphereface_9001=abc; Path=/; HttpOnly; SameSite=Strict\r\n");
  for (const char* host : {"localhost", "", "a:b=c; Domain=x"}) {
    request.host = host;
    EXPECT_TRUE(tokenCookie(request, "abc").starts_with("Set-Cookie: sphereface_80=abc;")) << host;
  }
}

}  // namespace
}  // namespace sphereface
