// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "watch/http_server.h"

#include <CivetServer.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <exception>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/this_process.h"

namespace sphereface {
namespace {

constexpr int kLowestPriority = 19;
// Of a thread after each answer: so few a second that a flood of requests costs next to nothing.
constexpr std::chrono::milliseconds kRest{10};

// Requests have no body that anybody reads. What waits is refused beyond the queue.
const std::vector<std::string> kLimits = {"num_threads",       "3",    "connection_queue",   "16",
                                          "max_request_size",  "8192", "request_timeout_ms", "2000",
                                          "enable_keep_alive", "no",   "tcp_nodelay",        "1"};

// Nothing from elsewhere, nothing written into a page, no page around it.
constexpr const char* kSecurityHeaders =
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "Cross-Origin-Resource-Policy: same-origin\r\n"
    "Cache-Control: no-store\r\n";

bool isLoopback(std::string_view host) {
  return host.starts_with("127.") || host == "localhost" || host == "[::1]";
}

/// "[::1]" of "[::1]:8000".
std::string_view hostOf(std::string_view address) {
  const size_t bracket = address.rfind(']');
  const size_t colon = address.find(':', bracket == std::string_view::npos ? 0 : bracket);
  return address.substr(0, colon);
}

const char* reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    default:
      return "Internal Server Error";
  }
}

class Site final : public CivetHandler {
 public:
  Site(HttpHandler handler, bool loopback_only)
      : handler_(std::move(handler)), loopback_only_(loopback_only) {}

  bool handleGet(CivetServer* /*server*/, mg_connection* connection) override {
    return send(connection, answer(connection), true);
  }
  bool handleHead(CivetServer* /*server*/, mg_connection* connection) override {
    return send(connection, answer(connection), false);
  }
  bool handlePost(CivetServer* /*server*/, mg_connection* connection) override {
    return refuse(connection);
  }
  bool handlePut(CivetServer* /*server*/, mg_connection* connection) override {
    return refuse(connection);
  }
  bool handleDelete(CivetServer* /*server*/, mg_connection* connection) override {
    return refuse(connection);
  }
  bool handleOptions(CivetServer* /*server*/, mg_connection* connection) override {
    return refuse(connection);
  }
  bool handlePatch(CivetServer* /*server*/, mg_connection* connection) override {
    return refuse(connection);
  }

 private:
  static HttpResponse plain(int status, const std::string& text) {
    return {status, "text/plain; charset=utf-8", text + "\n"};
  }

  HttpResponse answer(mg_connection* connection) const {
    const char* host = mg_get_header(connection, "Host");
    if (loopback_only_ && host != nullptr && !isLoopback(hostOf(host))) {
      return plain(403, "this server answers as localhost and 127.0.0.1 only");
    }
    try {
      return handler_(mg_get_request_info(connection)->local_uri);
    } catch (const std::exception& e) {
      return plain(500, e.what());
    }
  }

  static bool refuse(mg_connection* connection) {
    return send(connection, plain(405, "only GET and HEAD"), true);
  }

  static bool send(mg_connection* connection, const HttpResponse& response, bool with_body) {
    std::string text =
        concat("HTTP/1.1 ", response.status, " ", reason(response.status),
               "\r\nContent-Type: ", response.type, "\r\nContent-Length: ", response.body.size(),
               "\r\nConnection: close\r\n", kSecurityHeaders, "\r\n");
    if (with_body) text += response.body;
    mg_write(connection, text.data(), text.size());
    std::this_thread::sleep_for(kRest);
    return true;
  }

  HttpHandler handler_;
  bool loopback_only_;
};

void* giveWay(const mg_context* /*context*/, int /*thread_type*/) {
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::syscall(SYS_gettid)), kLowestPriority);
  return nullptr;
}

CivetCallbacks callbacks() {
  CivetCallbacks made;
  made.init_thread = giveWay;
  return made;
}

/// Connects to the server, and ends the connection at once.
void knock(int port) {
  std::array<char, 100> problem{};
  if (mg_connection* door = mg_connect_client("127.0.0.1", port, 0, problem.data(), problem.size()))
    mg_close_connection(door);
}

}  // namespace

struct HttpServer::Server {
  Server(const std::vector<std::string>& options, HttpHandler handler, bool loopback_only)
      : site(std::move(handler), loopback_only), asked(callbacks()), civet(options, &asked) {
    civet.addHandler("/", site);
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() {
    // Its accepting thread looks only every two seconds whether it shall end.
    std::thread waker([port = port()] {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      knock(port);
    });
    civet.close();
    waker.join();
  }
  int port() const { return civet.getListeningPorts().at(0); }

  Site site;
  CivetCallbacks asked;
  mutable CivetServer civet;
};

HttpServer::HttpServer(const std::string& listen, const std::string& field, HttpHandler handler) {
  const size_t colon = listen.rfind(':');
  if (colon == std::string::npos || colon == 0) {
    throw UsageError(concat(field, " \"", listen, "\": expected ADDRESS:PORT"));
  }
  const std::string host = listen.substr(0, colon);
  loopback_ = isLoopback(host);
  std::vector<std::string> options = {"listening_ports", listen};
  options.insert(options.end(), kLimits.begin(), kLimits.end());
  try {
    server_ = std::make_unique<Server>(options, std::move(handler), loopback_);
  } catch (const CivetException& e) {
    throw Error(concat("cannot serve on ", listen, " (", field,
                       "; is another program using it?): ", e.what()));
  }
  const bool everywhere = host == "0.0.0.0" || host == "[::]";
  address_ = concat(everywhere ? hostName() : host, ":", server_->port());
  url_ = "http://" + address_;
}

HttpServer::~HttpServer() = default;

}  // namespace sphereface
