// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// A real job whose dashboard is poured over with requests, good and bad, from this host.

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "tests/support/job_support.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;
using testing::Finished;
using testing::Job;
using testing::Process;
using testing::runCommand;

constexpr size_t kClients = 4;
// More than the server takes at a time, and lets wait.
constexpr size_t kSilentClients = 40;

/// A connection to a port of this host; closed with it.
class Connection {
 public:
  explicit Connection(int port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    const timeval patience{5, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      ::close(socket_);
      socket_ = -1;
    }
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() {
    if (socket_ >= 0) ::close(socket_);
  }
  void send(const std::string& text) const {
    if (socket_ >= 0) ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
  }
  /// To the end of the answer; empty when there is none.
  std::string answer() const {
    std::string text;
    std::array<char, 16384> part{};
    ssize_t count = 0;
    while (socket_ >= 0 && (count = ::recv(socket_, part.data(), part.size(), 0)) > 0)
      text.append(part.data(), static_cast<size_t>(count));
    return text;
  }

 private:
  int socket_;
};

class Flood : public Job {};

TEST_F(Flood, OfRequestsLeavesTrainingAlone) {
  const std::vector<std::string> more = {"--set", "solver.steps=600",
                                         "--set", "worker.audit_records=false",
                                         "--set", "solver.reproducible_shards=2",
                                         "--set", "solver.batch_size=16"};
  const Finished calm = runCommand(trainLine("calm", 2, more));
  ASSERT_EQ(calm.code, 0) << calm.output;

  Process job(trainLine("flooded", 2, more));
  const fs::path targets = folder_ / "flooded" / "prometheus_targets.json";
  ASSERT_TRUE(waitUntil([&] { return exists(targets); })) << job.output();
  const std::string address = readJsonFile(targets).at(0).at("targets").at(0).text();
  const int port = std::stoi(address.substr(address.rfind(':') + 1));
  std::vector<std::unique_ptr<Connection>> silent;
  silent.reserve(kSilentClients);
  for (size_t i = 0; i < kSilentClients; ++i) {
    silent.push_back(std::make_unique<Connection>(port));
    silent.back()->send("GET / HT");  // and never the rest
  }
  std::atomic<bool> ended{false};
  std::atomic<size_t> answers{0};
  std::vector<std::thread> clients;
  clients.reserve(kClients);
  for (size_t i = 0; i < kClients; ++i) {
    clients.emplace_back([&, i] {
      const std::array<std::string, kClients> requests = {
          "GET /api/history HTTP/1.1\r\nHost: localhost\r\n\r\n",
          "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n",
          "GET /" + std::string(100000, 'a') + " HTTP/1.1\r\n\r\n", "\xff\r\n\r\nnonsense\r\n\r\n"};
      while (!ended) {
        const Connection connection(port);
        connection.send(requests.at(i));
        if (connection.answer().starts_with("HTTP/1.1 200")) ++answers;
      }
    });
  }
  EXPECT_TRUE(waitUntil([&] { return fs::file_size(folder_ / "flooded" / "metrics.jsonl") > 0; }));
  silent.clear();
  const int code = job.wait(120);
  ended = true;
  for (std::thread& client : clients)
    client.join();
  EXPECT_EQ(code, 0) << job.output();
  EXPECT_GT(answers, 0U);
  EXPECT_EQ(parameters("flooded", 600), parameters("calm", 600));
}

}  // namespace
}  // namespace sphereface
