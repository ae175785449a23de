// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What being watched costs a run in training: the time of its steps while nobody looks and while a
// page and a Prometheus do, in turns, and while requests are poured over it. Medians of the lines
// that the run writes meanwhile into its metrics.jsonl. Also the coordinator's own bookkeeping.

#include <civetweb.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "coordinator/json_lines.h"
#include "coordinator/run_monitor.h"

namespace sphereface {
namespace {

constexpr double kPageInterval = 2;    // seconds, as dashboard.js
constexpr double kScrapeInterval = 5;  // as dashboard/prometheus/prometheus.yml
constexpr double kSettleSeconds = 1;   // after each change, not counted
constexpr int kFloodThreads = 4;

struct Options {
  std::filesystem::path run;
  double window = 10;
  int rounds = 6;
};

struct Address {
  std::string host;
  int port = 0;
};

Address addressOf(const std::filesystem::path& run) {
  const Json targets = readJsonFile(run / "prometheus_targets.json");
  if (targets.empty()) throw Error(concat(run.string(), " isn't in training"));
  const std::string text = targets.at(0).at("targets").at(0);
  const size_t colon = text.rfind(':');
  return {text.substr(0, colon), std::stoi(text.substr(colon + 1))};
}

/// Bytes of the answer; 0 when there is none.
size_t get(const Address& address, const char* path) {
  std::array<char, 256> problem{};
  mg_connection* connection =
      mg_download(address.host.c_str(), address.port, 0, problem.data(), problem.size(),
                  "GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n", path);
  if (connection == nullptr) return 0;
  size_t bytes = 0;
  std::array<char, 16384> part{};
  for (int count = 0; (count = mg_read(connection, part.data(), part.size())) > 0;)
    bytes += static_cast<size_t>(count);
  mg_close_connection(connection);
  return bytes;
}

/// As one open page and one Prometheus do.
void look(const Address& address, double until) {
  double page = 0;
  double scrape = 0;
  while (secondsNow() < until) {
    if (secondsNow() - page >= kPageInterval) {
      page = secondsNow();
      get(address, "/api/state");
      get(address, "/api/history");
    }
    if (secondsNow() - scrape >= kScrapeInterval) {
      scrape = secondsNow();
      get(address, "/metrics");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

/// As fast as the server lets clients that give way to training, as it does itself.
size_t flood(const Address& address, double until) {
  std::atomic<size_t> answers{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < kFloodThreads; ++i) {
    clients.emplace_back([&] {
      ::setpriority(PRIO_PROCESS, 0, 19);  // of this thread, on Linux
      while (secondsNow() < until)
        answers += get(address, "/api/history") > 0 ? 1 : 0;
    });
  }
  for (std::thread& client : clients)
    client.join();
  return answers;
}

double median(std::vector<double> values) {
  if (values.empty()) throw Error("no step ended in a window: choose a longer --window");
  const auto middle = values.begin() + static_cast<ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// Seconds of the coordinator's main thread for one step of `workers`, an interval of `every`
/// steps.
double bookkeeping(int workers, int every) {
  RunIdentity identity;
  identity.steps = 1000000;
  identity.classes = 10572;
  identity.workers = workers;
  RunMonitor monitor(std::filesystem::temp_directory_path(), "", identity);
  StepSummary step;
  step.images = 512;
  IntervalSummary interval;
  interval.ranks.resize(static_cast<size_t>(workers));
  const std::vector<std::string> hosts(static_cast<size_t>(workers), "node");
  constexpr int kSteps = 20000;
  const double begin = secondsNow();
  for (int i = 0; i < kSteps; ++i) {
    monitor.step(step);
    if (i % every == 0) monitor.interval(interval, hosts);
  }
  return (secondsNow() - begin) / kSteps;
}

void run(const Options& options) {
  const Address address = addressOf(options.run);
  JsonLines lines(options.run / "metrics.jsonl");
  std::map<std::string, std::vector<double>> steps;  // seconds, by what went on
  size_t answers = 0;
  const auto measure = [&](const std::string& name, const auto& act) {
    std::this_thread::sleep_for(std::chrono::duration<double>(kSettleSeconds));
    lines.read();
    act(secondsNow() + options.window);
    for (const Json& line : lines.read().lines)
      steps[name].push_back(line.at("step_seconds"));
  };
  mg_init_library(0);
  for (int round = 0; round < options.rounds; ++round) {
    measure("alone", [&](double until) {
      std::this_thread::sleep_for(std::chrono::duration<double>(until - secondsNow()));
    });
    measure("watched", [&](double until) { look(address, until); });
    measure("flooded", [&](double until) { answers += flood(address, until); });
  }
  const double alone = median(steps["alone"]);
  for (const char* name : {"alone", "watched", "flooded"}) {
    std::printf("%-8s median step %.2f ms of %zu intervals, %+.2f %%\n", name,
                1000 * median(steps[name]), steps[name].size(),
                100 * (median(steps[name]) / alone - 1));
  }
  std::printf("flooded: %.0f answers a second\n",
              static_cast<double>(answers) / (options.window * options.rounds));
  for (const int workers : {2, 64, 1024}) {
    const double seconds = bookkeeping(workers, 20);
    std::printf("bookkeeping of %d workers: %.1f us a step of the coordinator, %.4f %% of one\n",
                workers, 1e6 * seconds, 100 * seconds / alone);
  }
}

}  // namespace
}  // namespace sphereface

int main(int argc, char** argv) {
  using namespace sphereface;
  CLI::App app("What being watched costs a run in training.", "dashboard_bench");
  Options options;
  app.add_option("run", options.run, "Folder of a run in training on this host")->required();
  app.add_option("--window", options.window, "Seconds of each measurement")->capture_default_str();
  app.add_option("--rounds", options.rounds, "Measurements of each kind")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    run(options);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "dashboard_bench: %s\n", e.what());
    return kExitFailed;
  }
  return kExitDone;
}
