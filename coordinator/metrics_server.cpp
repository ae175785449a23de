// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "coordinator/metrics_server.h"

#include <CivetServer.h>
#include <prometheus/text_serializer.h>

#include <array>
#include <chrono>
#include <thread>
#include <utility>

#include "base/error.h"

namespace sphereface {
namespace {

class MetricsHandler final : public CivetHandler {
 public:
  explicit MetricsHandler(std::shared_ptr<prometheus::Registry> registry)
      : registry_(std::move(registry)) {}

  bool handleGet(CivetServer* /*server*/, mg_connection* connection) override {
    const std::string body = prometheus::TextSerializer().Serialize(registry_->Collect());
    mg_send_http_ok(connection, "text/plain; version=0.0.4; charset=utf-8",
                    static_cast<long long>(body.size()));
    mg_write(connection, body.data(), body.size());
    return true;
  }

 private:
  std::shared_ptr<prometheus::Registry> registry_;
};

/// Connects to the server, and ends the connection at once.
void knock(int port) {
  std::array<char, 100> problem{};
  if (mg_connection* door = mg_connect_client("127.0.0.1", port, 0, problem.data(), problem.size()))
    mg_close_connection(door);
}

}  // namespace

struct MetricsServer::Server {
  Server(const std::vector<std::string>& options, std::shared_ptr<prometheus::Registry> registry)
      : handler(std::move(registry)), civet(options) {
    civet.addHandler("/metrics", handler);
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() {
    // Its accepting thread looks only every two seconds whether it shall end.
    const int port = civet.getListeningPorts().at(0);
    std::thread waker([port] {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      knock(port);
    });
    civet.close();
    waker.join();
  }
  MetricsHandler handler;
  CivetServer civet;
};

MetricsServer::MetricsServer(const std::string& listen,
                             std::shared_ptr<prometheus::Registry> registry) {
  const size_t colon = listen.rfind(':');
  if (colon == std::string::npos) {
    throw UsageError(concat("coordinator.listen \"", listen, "\": expected ADDRESS:PORT"));
  }
  try {
    server_ = std::make_unique<Server>(
        std::vector<std::string>{"listening_ports", listen, "num_threads", "2"},
        std::move(registry));
  } catch (const CivetException& e) {
    throw Error(
        concat("cannot serve metrics on ", listen, " (is another program using it?): ", e.what()));
  }
  url_ = concat("http://", listen.substr(0, colon), ":", server_->civet.getListeningPorts().at(0),
                "/metrics");
}

MetricsServer::~MetricsServer() = default;

}  // namespace sphereface
