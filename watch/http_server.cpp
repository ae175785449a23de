// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "watch/http_server.h"

#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <exception>
#include <list>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/this_process.h"
#include "watch/http_request.h"

namespace sphereface {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kLowestPriority = 19;
constexpr size_t kMostConnections = 128;
constexpr size_t kLongestRequest = 8192;
constexpr std::chrono::seconds kForRequest{5};
constexpr std::chrono::seconds kForAnswer{30};
// An end while bytes still come would take the answer from the client.
constexpr std::chrono::seconds kForEnd{1};
constexpr size_t kThrownAway = 65536;
// After each answer: so few a second that a flood of requests costs next to nothing.
constexpr std::chrono::milliseconds kRest{5};

// Nothing from elsewhere, nothing written into a page, no page around it.
constexpr const char* kSecurityHeaders =
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "Cross-Origin-Resource-Policy: same-origin\r\n"
    "Cache-Control: no-store\r\n";

class Socket {
 public:
  explicit Socket(int number) : number_(number) {}
  Socket(Socket&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Socket& operator=(Socket&&) = delete;
  ~Socket() {
    if (number_ >= 0) ::close(number_);
  }
  int number() const { return number_; }

 private:
  int number_;
};

struct Listener {
  Socket socket;
  std::string address;  // to reach it by
  bool loopback = false;
};

struct Connection {
  enum class Doing { kAsking, kTaking, kEnding };

  Socket socket;
  bool loopback = false;
  Clock::time_point deadline;
  Doing doing = Doing::kAsking;
  std::string text;  // the request so far, then the answer
  size_t done = 0;   // of its bytes sent, then of what came behind it
};

const char* reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 413:
      return "Content Too Large";
    case 431:
      return "Request Header Fields Too Large";
    default:
      return "Internal Server Error";
  }
}

const char* explanation(int status) {
  switch (status) {
    case 401:
      return "this needs the token: open ADDRESS/?token=TOKEN, or send \"Authorization: Bearer "
             "TOKEN\"";
    case 403:
      return "this server answers as localhost and 127.0.0.1 only";
    case 405:
      return "only GET and HEAD";
    case 413:
      return "no request has a body here";
    case 431:
      return "the request is too long";
    default:
      return "this is no HTTP/1.1 request";
  }
}

bool isLoopback(const sockaddr* address) {
  if (address->sa_family == AF_INET6) {
    return IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr);
  }
  return ntohl(reinterpret_cast<const sockaddr_in*>(address)->sin_addr.s_addr) >> 24 == 127;
}

bool isEverywhere(const sockaddr* address) {
  if (address->sa_family == AF_INET6) {
    return IN6_IS_ADDR_UNSPECIFIED(&reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr);
  }
  return reinterpret_cast<const sockaddr_in*>(address)->sin_addr.s_addr == htonl(INADDR_ANY);
}

/// "127.0.0.1" or "[::1]", and the port.
std::pair<std::string, std::string> numbersOf(const sockaddr* address, socklen_t size) {
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  ::getnameinfo(address, size, host.data(), host.size(), port.data(), port.size(),
                NI_NUMERICHOST | NI_NUMERICSERV);
  const bool v6 = address->sa_family == AF_INET6;
  return {v6 ? concat("[", host.data(), "]") : std::string(host.data()), port.data()};
}

/// A socket that listens at ADDRESS:PORT. Which addresses are this host's own is known by what the
/// text leads to, not by its looks ("0:80", a name).
Listener listenAt(const std::string& text, const std::string& field) {
  const size_t colon = text.rfind(':');
  const std::string port = colon == std::string::npos ? "" : text.substr(colon + 1);
  if (colon == std::string::npos || colon == 0 || port.empty() || port.size() > 5 ||
      port.find_first_not_of("0123456789") != std::string::npos || std::stoi(port) > 65535) {
    throw UsageError(concat(field, " \"", text, "\": expected ADDRESS:PORT"));
  }
  const std::string host = text.substr(0, colon);
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  const std::string bare = bracketed ? host.substr(1, host.size() - 2) : host;
  const auto failed = [&](const char* why) {
    return Error(concat("cannot serve on ", text, " (", field, "): ", why));
  };
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int problem = ::getaddrinfo(bare.c_str(), port.c_str(), &wanted, &found);
  if (problem != 0) throw failed(::gai_strerror(problem));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> freed(found, ::freeaddrinfo);
  Socket socket(::socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (socket.number() < 0) throw failed(std::strerror(errno));
  const int again = 1;  // where a job before this one still has connections that end
  ::setsockopt(socket.number(), SOL_SOCKET, SO_REUSEADDR, &again, sizeof again);
  if (::bind(socket.number(), found->ai_addr, found->ai_addrlen) != 0 ||
      ::listen(socket.number(), SOMAXCONN) != 0) {
    throw failed(std::strerror(errno));
  }
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  auto* const address = reinterpret_cast<sockaddr*>(&bound);
  if (::getsockname(socket.number(), address, &size) != 0) throw failed(std::strerror(errno));
  const auto [number, chosen_port] = numbersOf(address, size);
  const bool loopback = isLoopback(address);
  const std::string name = isEverywhere(address) ? hostName() : loopback ? number : host;
  return {std::move(socket), concat(name, ":", chosen_port), loopback};
}

}  // namespace

struct HttpServer::Server {
  Server() = default;
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() {
    const uint64_t one = 1;
    while (::write(end.number(), &one, sizeof one) < 0 && errno == EINTR) {
    }
    if (thread.joinable()) thread.join();
  }

  void serve() {
    ::setpriority(PRIO_PROCESS, static_cast<id_t>(::syscall(SYS_gettid)), kLowestPriority);
    for (;;) {
      std::vector<pollfd> waiting = {{end.number(), POLLIN, 0}};
      for (const Listener& listener : listeners)
        waiting.push_back({listener.socket.number(), POLLIN, 0});
      for (const Connection& connection : connections) {
        const bool takes = connection.doing == Connection::Doing::kTaking;
        waiting.push_back(
            {connection.socket.number(), static_cast<short>(takes ? POLLOUT : POLLIN), 0});
      }
      ::poll(waiting.data(), waiting.size(), untilNextDeadline());
      if (waiting.front().revents != 0) return;
      const Clock::time_point now = Clock::now();
      auto state = waiting.begin() + 1 + static_cast<std::ptrdiff_t>(listeners.size());
      for (auto one = connections.begin(); one != connections.end(); ++state) {
        const bool over = (state->revents != 0 && !goOn(*one)) || one->deadline < now;
        one = over ? connections.erase(one) : std::next(one);
      }
      for (size_t i = 0; i < listeners.size(); ++i) {
        if (waiting[i + 1].revents != 0) accept(listeners[i]);
      }
    }
  }

  int untilNextDeadline() const {
    if (connections.empty()) return -1;
    const auto next = std::ranges::min_element(connections, {}, &Connection::deadline)->deadline;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - Clock::now());
    return static_cast<int>(std::max<int64_t>(0, left.count() + 1));
  }

  void accept(const Listener& listener) {
    for (size_t i = 0; i < kMostConnections; ++i) {
      Socket socket(
          ::accept4(listener.socket.number(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      const bool got = socket.number() >= 0;
      if (!got && (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)) return;
      // Also where this process has no descriptor left.
      if (!connections.empty() && (!got || connections.size() == kMostConnections)) {
        connections.pop_front();
      }
      if (!got) return std::this_thread::sleep_for(kRest);
      connections.push_back(
          {std::move(socket), listener.loopback, Clock::now() + kForRequest, {}, {}, 0});
    }
  }

  /// Reads or writes what it can without waiting. False at the connection's end.
  bool goOn(Connection& connection) const {
    if (connection.doing == Connection::Doing::kTaking) return give(connection);
    std::array<char, kLongestRequest> bytes;
    const ssize_t count = ::recv(connection.socket.number(), bytes.data(), bytes.size(), 0);
    if (count < 0) return errno == EAGAIN || errno == EINTR;
    if (count == 0) return false;
    if (connection.doing == Connection::Doing::kEnding) {
      connection.done += static_cast<size_t>(count);
      return connection.done < kThrownAway;
    }
    connection.text.append(bytes.data(), static_cast<size_t>(count));
    const size_t last = connection.text.find("\r\n\r\n");
    HttpRequest request;
    if (std::min(last, connection.text.size()) > kLongestRequest) {
      request.status = 431;
    } else if (last == std::string::npos) {
      return true;
    } else {
      request = parseHttpRequest(std::string_view(connection.text).substr(0, last + 4));
    }
    connection.text = answer(request, connection.loopback);
    connection.doing = Connection::Doing::kTaking;
    std::this_thread::sleep_for(kRest);
    connection.deadline = Clock::now() + kForAnswer;
    return give(connection);
  }

  static bool give(Connection& connection) {
    const std::string_view rest = std::string_view(connection.text).substr(connection.done);
    const ssize_t count =
        ::send(connection.socket.number(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (count < 0) return errno == EAGAIN || errno == EINTR;
    connection.done += static_cast<size_t>(count);
    if (connection.done < connection.text.size()) return true;
    ::shutdown(connection.socket.number(), SHUT_WR);
    connection.text = {};
    connection.done = 0;
    connection.doing = Connection::Doing::kEnding;
    connection.deadline = Clock::now() + kForEnd;
    return true;
  }

  std::string answer(HttpRequest& request, bool at_loopback) const {
    std::string more;
    if (request.status == 200 && at_loopback && !namesLoopback(request.host)) request.status = 403;
    if (request.status == 200 && !token.empty() && !carriesToken(request, token)) {
      request.status = 401;
      more = "WWW-Authenticate: Bearer\r\n";
    }
    if (request.status == 200 && !request.token.empty() && !token.empty()) {
      more = tokenCookie(request, token);
    }
    HttpResponse response{request.status, "text/plain; charset=utf-8", ""};
    try {
      if (request.status == 200) {
        response = handler(request.path);
      } else {
        response.body = concat(explanation(request.status), "\n");
      }
    } catch (const std::exception& e) {
      response = {500, response.type, concat(e.what(), "\n")};
    }
    if (response.status == 405) more += "Allow: GET, HEAD\r\n";
    return concat("HTTP/1.1 ", response.status, " ", reason(response.status),
                  "\r\nContent-Type: ", response.type, "\r\nContent-Length: ", response.body.size(),
                  "\r\nConnection: close\r\n", more, kSecurityHeaders, "\r\n",
                  request.head ? std::string() : response.body);
  }

  HttpHandler handler;
  std::string token;
  std::vector<Listener> listeners;
  std::list<Connection> connections;  // the oldest first
  Socket end{::eventfd(0, EFD_CLOEXEC)};
  std::thread thread;
};

HttpServer::HttpServer(const std::string& listen, const std::string& field, HttpHandler handler,
                       const std::string& token)
    : server_(std::make_unique<Server>()) {
  server_->handler = std::move(handler);
  server_->token = token;
  for (size_t begin = 0, comma = 0; comma != std::string::npos; begin = comma + 1) {
    comma = listen.find(',', begin);
    server_->listeners.push_back(listenAt(listen.substr(begin, comma - begin), field));
    loopback_ = loopback_ && server_->listeners.back().loopback;
  }
  if (server_->end.number() < 0) throw Error(concat(field, ": ", std::strerror(errno)));
  address_ = server_->listeners.front().address;
  server_->thread = std::thread([server = server_.get()] { server->serve(); });
}

HttpServer::~HttpServer() = default;

}  // namespace sphereface
