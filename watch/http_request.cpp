// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "watch/http_request.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <optional>
#include <utility>

#include "base/error.h"

namespace sphereface {
namespace {

constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kCookie = "sphereface_";

std::string lowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

bool isNumber(std::string_view text, size_t most_digits) {
  return !text.empty() && text.size() <= most_digits &&
         text.find_first_not_of(kDigits) == std::string_view::npos;
}

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

/// Takes what is before `separator` off `rest`, and the separator; all of it when there is none.
std::string_view takeUntil(std::string_view& rest, std::string_view separator) {
  const size_t at = rest.find(separator);
  const std::string_view taken = rest.substr(0, at);
  rest.remove_prefix(at == std::string_view::npos ? rest.size() : at + separator.size());
  return taken;
}

/// Nothing when a "%" has no two hexadecimal digits behind it.
std::optional<std::string> percentDecoded(std::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned char byte = static_cast<unsigned char>(text[i]);
    if (byte == '%') {
      if (text.size() - i < 3) return std::nullopt;
      const char* const end = text.data() + i + 3;
      if (std::from_chars(text.data() + i + 1, end, byte, 16).ptr != end) return std::nullopt;
      i += 2;
    }
    decoded += static_cast<char>(byte);
  }
  return decoded;
}

/// 200, or why not.
int takeRequestLine(std::string_view line, HttpRequest& request) {
  const std::string_view method = takeUntil(line, " ");
  std::string_view target = takeUntil(line, " ");
  if (line != "HTTP/1.1" && line != "HTTP/1.0") return 400;
  if (method != "GET" && method != "HEAD") return 405;
  if (!target.starts_with('/')) return 400;
  request.head = method == "HEAD";
  const std::optional<std::string> path = percentDecoded(takeUntil(target, "?"));
  if (!path) return 400;
  request.path = *path;
  while (!target.empty()) {
    const std::string_view part = takeUntil(target, "&");
    if (part.starts_with("token=")) request.token = part.substr(6);
  }
  return 200;
}

int takeHeader(std::string_view line, HttpRequest& request) {
  const size_t colon = line.find(':');
  // Neither a line that continues the one before nor a name with a blank behind it.
  const std::string_view name = line.substr(0, colon);
  if (colon == std::string_view::npos || name.empty() ||
      name.find_first_of(" \t") != std::string_view::npos)
    return 400;
  const std::string_view value = trimmed(line.substr(colon + 1));
  const std::string known = lowerCase(name);
  if (known == "transfer-encoding" || (known == "content-length" && value != "0")) return 413;
  for (const auto& [header, kept] : {std::pair("host", &request.host),
                                     {"authorization", &request.authorization},
                                     {"cookie", &request.cookie}}) {
    if (known != header) continue;
    if (!kept->empty()) return 400;
    *kept = value;
  }
  return 200;
}

/// Looks at all of both, if they are equally long.
bool same(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned different = 0;
  for (size_t i = 0; i < a.size(); ++i)
    different |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]);
  return different == 0;
}

}  // namespace

HttpRequest parseHttpRequest(std::string_view text) {
  HttpRequest request;
  const auto refused = [&](int status) {
    request.status = status;
    return request;
  };
  const auto is_control = [](char c) {
    return (static_cast<unsigned char>(c) < ' ' && c != '\r' && c != '\n' && c != '\t') ||
           c == '\x7f';
  };
  if (std::ranges::any_of(text, is_control)) return refused(400);
  for (bool first = true;; first = false) {
    if (text.find("\r\n") == std::string_view::npos) return refused(400);
    const std::string_view line = takeUntil(text, "\r\n");
    if (line.find_first_of("\r\n") != std::string_view::npos) return refused(400);
    if (line.empty() && !first) return text.empty() ? request : refused(400);
    const int status = first ? takeRequestLine(line, request) : takeHeader(line, request);
    if (status != 200) return refused(status);
  }
}

bool namesLoopback(std::string_view host) {
  const size_t bracket = host.find(']');
  const size_t colon = host.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (colon != std::string_view::npos && !isNumber(host.substr(colon + 1), 5)) return false;
  const std::string name = lowerCase(host.substr(0, colon));
  in_addr address{};
  return name == "localhost" || name == "[::1]" ||
         (::inet_pton(AF_INET, name.c_str(), &address) == 1 && ntohl(address.s_addr) >> 24 == 127);
}

bool carriesToken(const HttpRequest& request, std::string_view token) {
  constexpr std::string_view kBearer = "bearer ";
  bool carries = same(request.token, token);
  const std::string& given = request.authorization;
  if (lowerCase(given.substr(0, kBearer.size())) == kBearer) {
    carries |= same(trimmed(std::string_view(given).substr(kBearer.size())), token);
  }
  std::string_view cookies = request.cookie;
  while (!cookies.empty()) {
    std::string_view value = trimmed(takeUntil(cookies, ";"));
    if (takeUntil(value, "=").starts_with(kCookie)) carries |= same(value, token);
  }
  return carries;
}

std::string tokenCookie(const HttpRequest& request, std::string_view token) {
  const std::string_view port = std::string_view(request.host).substr(request.host.rfind(':') + 1);
  return concat("Set-Cookie: ", kCookie, isNumber(port, 5) ? port : "80", "=", token,
                "; Path=/; HttpOnly; SameSite=Strict\r\n");
}

}  // namespace sphereface
