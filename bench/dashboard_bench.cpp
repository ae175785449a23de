// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What being watched costs a run in training: the time of its steps while nobody looks, while a
// page and a Prometheus do, and, with --flood, while requests are poured over it, in turns. With
// the job on some processors (taskset) and this program on another one, what the clients themselves
// take isn't counted. A window's step is its time over its steps, by the lines that the run writes
// meanwhile into its metrics.jsonl: most steps see no request, so that a median would pass over
// what the few cost that do. Every second round goes backwards, so that a machine that grows slower
// isn't told as a cost. Of the rounds' ratios the median is told, with the interval that has it in
// 95 of 100 cases, whatever the ratios' distribution is.
//
// The speed of a machine that is shared may change by more from one window to the next than being
// watched costs. What Linux accounts doesn't: the share of the time in which the workers' main
// threads were kept waiting for a processor (/proc/PID/schedstat), of which being watched takes its
// part where the whole job shares a processor; and the coordinator's processor time. Also told is
// what the coordinator's own bookkeeping takes.
//
//   build/bin/dashboard_bench runs/NAME --flood --rounds 12
//   taskset -c 1 build/bin/dashboard_bench runs/NAME --rounds 25

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/atomic_file.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/statistics.h"
#include "bench/harness.h"
#include "run/json_lines.h"
#include "watch/run_monitor.h"

namespace sphereface {
namespace {

constexpr double kPageInterval = 2;    // seconds, as dashboard.js
constexpr double kScrapeInterval = 5;  // as watch/prometheus/prometheus.yml
constexpr double kSettleSeconds = 1;   // after each change, not counted
constexpr int kFloodThreads = 4;

struct Address {
  std::string host;
  int port = 0;
};

Address addressOf(const std::filesystem::path& run) {
  const Json targets = readJsonFile(run / "prometheus_targets.json");
  if (targets.empty()) throw Error(concat(run.string(), " isn't in training"));
  const std::string text = targets.at(0).at("targets").at(0).text();
  const size_t colon = text.rfind(':');
  return {text.substr(0, colon), std::stoi(text.substr(colon + 1))};
}

/// Empty when there is no answer.
std::string get(const Address& address, const char* path) {
  const int connection = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in server{};
  server.sin_family = AF_INET;
  server.sin_port = htons(static_cast<uint16_t>(address.port));
  ::inet_pton(AF_INET, address.host.c_str(), &server.sin_addr);
  const std::string request = concat("GET ", path, " HTTP/1.0\r\nHost: localhost\r\n\r\n");
  std::string answer;
  if (::connect(connection, reinterpret_cast<sockaddr*>(&server), sizeof server) == 0 &&
      ::send(connection, request.data(), request.size(), MSG_NOSIGNAL) > 0) {
    std::array<char, 16384> part{};
    for (ssize_t count = 0; (count = ::recv(connection, part.data(), part.size(), 0)) > 0;)
      answer.append(part.data(), static_cast<size_t>(count));
  }
  ::close(connection);
  return answer.substr(std::min(answer.size(), answer.find("\r\n\r\n") + 4));
}

/// As one open page (watch/pages/dashboard.js) and one Prometheus do.
void look(const Address& address, double until) {
  double page = 0;
  double scrape = 0;
  Json shown;
  while (secondsNow() < until) {
    if (secondsNow() - page >= kPageInterval) {
      page = secondsNow();
      const std::string answer = get(address, "/api/state");
      if (answer.empty()) throw Error("the coordinator doesn't answer");
      const Json version = parseJson(answer).at("history_version");
      if (version != shown) get(address, "/api/history");
      shown = version;
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
  clients.reserve(kFloodThreads);
  for (int i = 0; i < kFloodThreads; ++i) {
    clients.emplace_back([&] {
      ::setpriority(PRIO_PROCESS, 0, 19);  // of this thread, on Linux
      while (secondsNow() < until)
        answers += get(address, "/api/history").empty() ? 0 : 1;
    });
  }
  for (std::thread& client : clients)
    client.join();
  return answers;
}

/// By order statistics: how many of the values are below the true median is binomial.
std::pair<double, double> intervalOfMedian(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const auto count = static_cast<double>(values.size());
  const double reach = 0.98 * std::sqrt(count);
  const auto at = [&](double place) {
    return values[static_cast<size_t>(std::clamp(place, 0.0, count - 1))];
  };
  return {at(std::floor(count / 2 - reach)), at(std::ceil(count / 2 + reach))};
}

/// Seconds of the coordinator's main thread for one step of `workers`, an interval of `every`
/// steps.
double bookkeeping(int workers, int every) {
  RunIdentity identity;
  identity.steps = 1000000;
  identity.classes = 10572;
  identity.workers = workers;
  CoordinatorConfig config;
  config.set_listen("");
  RunMonitor monitor(std::filesystem::temp_directory_path(), config, identity);
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

/// Seconds of processor that a process has used.
double processorSeconds(int process) {
  clockid_t clock{};
  timespec used{};
  if (::clock_getcpuclockid(process, &clock) != 0 || ::clock_gettime(clock, &used) != 0)
    throw Error(concat("no process ", process));
  return static_cast<double>(used.tv_sec) + 1e-9 * static_cast<double>(used.tv_nsec);
}

/// Of the workers on this host.
std::vector<int> workers() {
  std::vector<int> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::ifstream in(entry.path() / "comm");
    std::string command;
    std::getline(in, command);
    // The kernel keeps fifteen letters.
    if (command == std::string("sphereface-worker").substr(0, 15)) found.push_back(std::stoi(name));
  }
  if (found.empty()) throw Error("no worker on this host");
  return found;
}

/// Seconds that the processes' main threads have waited for a processor, for each of them.
double waitedSeconds(const std::vector<int>& processes) {
  double sum = 0;
  for (const int process : processes) {
    std::ifstream in(concat("/proc/", process, "/task/", process, "/schedstat"));
    double ran = 0;
    double waited = 0;  // nanoseconds
    if (!(in >> ran >> waited)) throw Error(concat("no process ", process));
    sum += 1e-9 * waited;
  }
  return sum / static_cast<double>(processes.size());
}

/// By the text that run/run_lock.cpp leaves.
int coordinatorOf(const std::filesystem::path& run) {
  int process = 0;
  if (std::sscanf(readFile(run / ".lock").c_str(), "process %d", &process) != 1)
    throw Error(concat((run / ".lock").string(), " names no process"));
  return process;
}

struct Kind {
  const char* name;
  std::function<void(double until)> act;
  std::vector<double> waits = {};  // share of the time, a mean for each round
  double processor = 0;            // seconds
};

/// The newest of the lines that have come.
std::optional<Json> lastOf(JsonLines& lines) {
  std::optional<Json> last;
  lines.read([&](Json line) { last = std::move(line); });
  return last;
}

void measure(bench::Bench& bench) {
  const double window = bench.option("--window", 10.0);
  const int rounds = bench.option("--rounds", 20);
  const bool flooding = bench.flag("--flood");
  const std::filesystem::path run = bench.argument("RUN, a run in training on this host");
  bench.start();
  const Address address = addressOf(run);
  const int coordinator = coordinatorOf(run);
  const std::vector<int> processes = workers();
  JsonLines lines(run / "metrics.jsonl");
  size_t answers = 0;
  /// Seconds of a step.
  const auto step_seconds = [&](Kind& kind) {
    std::this_thread::sleep_for(std::chrono::duration<double>(kSettleSeconds));
    const std::optional<Json> first = lastOf(lines);
    const double before = processorSeconds(coordinator);
    const double waited_before = waitedSeconds(processes);
    const double begin = secondsNow();
    kind.act(begin + window);
    kind.waits.push_back((waitedSeconds(processes) - waited_before) / (secondsNow() - begin));
    kind.processor += processorSeconds(coordinator) - before;
    const std::optional<Json> last = lastOf(lines);
    if (!first || !last) throw Error("no line between two windows: let the run log more often");
    return (last->at("time").get<double>() - first->at("time").get<double>()) /
           (last->at("step").get<double>() - first->at("step").get<double>());
  };
  std::vector<Kind> kinds = {
      {"alone",
       [](double until) {
         std::this_thread::sleep_for(std::chrono::duration<double>(until - secondsNow()));
       }},
      {"watched", [&](double until) { look(address, until); }}};
  if (flooding)
    kinds.push_back({"flooded", [&](double until) { answers += flood(address, until); }});
  std::vector<bench::Contender> steps;
  steps.reserve(kinds.size());
  for (Kind& kind : kinds)
    steps.push_back({kind.name, [&] { return step_seconds(kind); }});
  bench::takeTurns(steps, {.rounds = rounds, .warm_up = 0, .there_and_back = true});

  const double seconds = window * rounds;
  for (size_t k = 0; k < kinds.size(); ++k) {
    std::vector<double> slower;      // than the round's step alone
    std::vector<double> waits_more;  // than in the round's window alone
    for (size_t round = 0; round < steps[k].seconds.size(); ++round) {
      slower.push_back(steps[k].seconds[round] / steps[0].seconds[round] - 1);
      waits_more.push_back(kinds[k].waits[round] - kinds[0].waits[round]);
    }
    const auto [low, high] = intervalOfMedian(slower);
    const auto [least, most] = intervalOfMedian(waits_more);
    bench.row("watched", {{"kind", kinds[k].name, 8},
                          {"step ms", 1e3 * steps[k].median(), 2},
                          {"slower %", 100 * median(slower), 2},
                          {"slower from", 100 * low, 2},
                          {"slower to", 100 * high, 2},
                          {"waits %", 100 * median(kinds[k].waits), 2},
                          {"more %", 100 * median(waits_more), 3},
                          {"more from", 100 * least, 3},
                          {"more to", 100 * most, 3},
                          {"coordinator %", 100 * kinds[k].processor / seconds, 2}});
  }
  if (flooding)
    bench.fact({"answers to the flood, a second", static_cast<double>(answers) / seconds});
  for (const int workers : {2, 64, 1024}) {
    const double each = bookkeeping(workers, 20);
    bench.row("bookkeeping", {{"workers", workers},
                              {"us a step", 1e6 * each, 1},
                              {"% of a step", 100 * each / steps[0].median(), 4}});
  }
}

}  // namespace
}  // namespace sphereface

int main(int argc, char** argv) {
  return sphereface::bench::run(argc, argv, sphereface::measure);
}
