// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// A real job whose dashboard is poured over with requests, good and bad, from this host, and whose
// files with lines that nobody can read.

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "tests/support/job_support.h"
#include "tests/support/tcp_connection.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;
using testing::Finished;
using testing::Job;
using testing::Process;
using testing::runCommand;
using testing::TcpConnection;

constexpr size_t kClients = 4;
// More than the server has at a time.
constexpr size_t kSilentClients = 200;

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
  std::vector<std::unique_ptr<TcpConnection>> silent;
  silent.reserve(kSilentClients);
  for (size_t i = 0; i < kSilentClients; ++i) {
    silent.push_back(std::make_unique<TcpConnection>(port));
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
        const TcpConnection connection(port);
        connection.send(requests.at(i));
        if (connection.answer().starts_with("HTTP/1.1 200")) ++answers;
      }
    });
  }
  const fs::path metrics = folder_ / "flooded" / "metrics.jsonl";
  EXPECT_TRUE(waitUntil([&] { return exists(metrics) && fs::file_size(metrics) > 0; }));
  silent.clear();
  const int code = job.wait(120);
  ended = true;
  for (std::thread& client : clients)
    client.join();
  EXPECT_EQ(code, 0) << job.output();
  EXPECT_GT(answers, 0U);
  EXPECT_EQ(parameters("flooded", 600), parameters("calm", 600));
}

TEST_F(Flood, OfNonsenseInItsFilesEndsNoJob) {
  const fs::path run = folder_ / "nonsense";
  const auto spoil = [&] {
    const std::string deep(300000, '[');
    for (const char* file : {"metrics.jsonl", "events.jsonl", "evaluations.jsonl"}) {
      std::ofstream(run / file, std::ios::app)
          << deep << "\n{\"a\":" << deep
          << "\n7\n{\"step\":\"x\",\"event\":7,\"benchmark\":[]}\n\xff\n"
          << std::string(1, '\0')
          << "\n{\"event\":\"start\",\"text\":7,\"workers\":[]}\n{\"text\":\""
          << std::string(5 << 20, 'x') << "\"}\n{\"step\":3,\"cut";
    }
  };
  const std::vector<std::string> more = {"--set",    "checkpoint.every_steps=100",
                                         "--set",    "coordinator.log_every_steps=5",
                                         "--resume", "auto"};
  const auto line = [&](int steps) {
    std::vector<std::string> all = {"--set", concat("solver.steps=", steps)};
    all.insert(all.end(), more.begin(), more.end());
    return trainLine("nonsense", 1, all);
  };
  Process job(line(800));
  ASSERT_TRUE(hasCheckpoint("nonsense")) << job.output();
  spoil();
  const std::string address =
      readJsonFile(run / "prometheus_targets.json").at(0).at("targets").at(0).text();
  const int port = std::stoi(address.substr(address.rfind(':') + 1));
  for (const char* path : {"/api/state", "/api/history", "/api/evaluations", "/metrics"}) {
    const TcpConnection connection(port);
    connection.send(concat("GET ", path, " HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    const std::string answer = connection.answer();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200")) << path << "\n" << answer;
  }
  ASSERT_EQ(job.wait(120), 0) << job.output();
  spoil();
  const Finished resumed = runCommand(line(820));
  EXPECT_EQ(resumed.code, 0) << resumed.output;
  EXPECT_NE(resumed.output.find("training from step 800"), std::string::npos) << resumed.output;
}

}  // namespace
}  // namespace sphereface
