// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What ten thousand workers cost their coordinator: the real one, over MPI, with light-weight
// workers that only send what real ones would, many to a process.
//
//   mpirun -np 3 coordinator_bench --config C --workers 10000
//
// Rank 0 is the coordinator; the workers live in the other ranks. They take their steps together,
// one in --step-seconds, report each, and send a heartbeat a second. Printed are the messages and
// bytes of a step, the coordinator's processor time for it, its memory, and how late it is: how
// long a step's reports wait until it takes them. A coordinator that can't keep up is later with
// every step.

#include <mpi.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/this_process.h"
#include "control/channel.h"
#include "control/mpi_session.h"
#include "coordinator/coordinator.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

struct Options {
  CoordinatorOptions coordinator;
  int workers = 10000;
  double step_seconds = 0.3;
  int steps = 100;
  std::string json;
};

/// Stands before each message's bytes: which of the workers in a process, and, on one host, when.
struct Envelope {
  int worker = 0;
  double sent = 0;
};

std::string enveloped(int worker, const google::protobuf::Message& message) {
  const Envelope envelope = {worker, secondsNow()};
  std::string bytes(sizeof envelope, '\0');
  std::memcpy(bytes.data(), &envelope, sizeof envelope);
  return bytes + message.SerializeAsString();
}

Envelope takeEnvelope(ReceivedMessage& message) {
  if (message.bytes.size() < sizeof(Envelope)) throw Error("a message without an envelope");
  Envelope envelope;
  std::memcpy(&envelope, message.bytes.data(), sizeof envelope);
  message.bytes.erase(0, sizeof envelope);
  message.from = envelope.worker;
  return envelope;
}

double processorSeconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// The coordinator's end. Worker w lives in rank 1 + (w - 1) % processes.
class SimulatedWorkers : public Channel {
 public:
  SimulatedWorkers(int processes, int steps)
      : processes_(processes), late_(static_cast<size_t>(steps)), mpi_(MPI_COMM_WORLD) {}

  void send(int to, Kind kind, const google::protobuf::Message& message) override {
    std::string bytes = enveloped(to, message);
    ++sent_;
    sent_bytes_ += bytes.size() - sizeof(Envelope);
    mpi_.sendBytes(1 + (to - 1) % processes_, kind, std::move(bytes));
  }

  std::optional<ReceivedMessage> poll() override {
    std::optional<ReceivedMessage> message = mpi_.poll();
    if (!message) return message;
    const Envelope envelope = takeEnvelope(*message);
    if (message->kind == KIND_STEP) {
      const uint64_t step = message->as<StepReport>().step();
      if (begun_ == 0) begin();
      late_.at(step) = std::max(late_.at(step), secondsNow() - envelope.sent);
    }
    if (message->kind == KIND_GOODBYE && processor_ == 0) {
      processor_ = processorSeconds() - processor_begun_;
      seconds_ = secondsNow() - begun_;
    }
    ++received_;
    received_bytes_ += message->bytes.size();
    return message;
  }

  /// Of the time from the first step's first report to the first goodbye.
  Json measured() const {
    const auto steps = static_cast<double>(late_.size());
    std::vector<double> late = late_;
    std::ranges::sort(late);
    Json json;
    json["messages_per_step"] = static_cast<double>(received_ + sent_) / steps;
    json["bytes_received_per_step"] = static_cast<double>(received_bytes_) / steps;
    json["bytes_sent_per_step"] = static_cast<double>(sent_bytes_) / steps;
    json["processor_seconds_per_step"] = processor_ / steps;
    json["processor_share"] = processor_ / seconds_;
    json["late_median"] = late[late.size() / 2];
    json["late_last"] = late_.back();
    json["late_most"] = late.back();
    return json;
  }

 private:
  void begin() {
    begun_ = secondsNow();
    processor_begun_ = processorSeconds();
    received_ = sent_ = received_bytes_ = sent_bytes_ = 0;
  }

  int processes_;
  std::vector<double> late_;  // by step: the report that waited longest
  MpiChannel mpi_;
  uint64_t received_ = 0;
  uint64_t sent_ = 0;
  uint64_t received_bytes_ = 0;
  uint64_t sent_bytes_ = 0;
  double begun_ = 0;
  double processor_begun_ = 0;
  double processor_ = 0;
  double seconds_ = 0;
};

/// The workers of one process.
class WorkersOfProcess {
 public:
  WorkersOfProcess(const Options& options, int process, int processes)
      : options_(options), mpi_(MPI_COMM_WORLD) {
    for (int worker = process; worker <= options.workers; worker += processes)
      workers_.push_back({worker});
  }

  void run() {
    for (const Worker& worker : workers_) {
      WorkerHello hello;
      hello.set_host(concat("node", (worker.number - 1) / 8));
      hello.set_pid(worker.number);
      hello.set_version(SPHEREFACE_VERSION);
      hello.set_heartbeats(true);
      send(worker.number, KIND_HELLO, hello);
    }
    waitForLeases(0);
    begun_ = secondsNow() + 1;
    for (int step = 0; step < options_.steps; ++step) {
      waitForLeases(static_cast<uint64_t>(step));
      passTimeUntil(begun_ + step * options_.step_seconds);
      for (const Worker& worker : workers_)
        report(worker.number, static_cast<uint64_t>(step));
    }
    passTimeUntil(secondsNow() + 1);
    for (const Worker& worker : workers_)
      send(worker.number, KIND_GOODBYE, WorkerGoodbye());
  }

 private:
  struct Worker {
    int number = 0;
    uint64_t leased_until = 0;
  };

  void send(int worker, Kind kind, const google::protobuf::Message& message) {
    mpi_.sendBytes(0, kind, enveloped(worker, message));
  }

  void take(ReceivedMessage& message) {
    const int number = takeEnvelope(message).worker;
    if (message.kind != KIND_LEASE) return;
    const auto lease = message.as<ShardLease>();
    const auto worker = std::ranges::lower_bound(workers_, number, {}, &Worker::number);
    worker->leased_until = lease.first_step() + lease.steps();
  }

  void waitForLeases(uint64_t step) {
    while (std::ranges::any_of(workers_, [&](const Worker& w) { return w.leased_until <= step; })) {
      if (auto message = mpi_.wait(std::chrono::milliseconds(100))) take(*message);
    }
  }

  void passTimeUntil(double end) {
    while (secondsNow() < end) {
      beat();
      if (auto message = mpi_.wait(std::chrono::milliseconds(2))) take(*message);
    }
  }

  /// Each worker once a second, spread over it.
  void beat() {
    const double due = (secondsNow() - begun_ + 1) * static_cast<double>(workers_.size());
    for (; static_cast<double>(beats_) < due; ++beats_) {
      WorkerHeartbeat heartbeat;
      heartbeat.set_step(1000);
      heartbeat.set_phase(WorkerHeartbeat::COMPUTING);
      heartbeat.set_collective("all-reduce 8329, handing out");
      send(workers_[beats_ % workers_.size()].number, KIND_HEARTBEAT, heartbeat);
    }
  }

  void report(int worker, uint64_t step) {
    StepReport report;
    report.set_step(step);
    report.set_images(2);
    report.set_loss_sum(9.25);
    report.set_correct(1);
    report.set_target_cosine_sum(0.5);
    report.set_past_margin(1);
    report.set_lambda(900);
    report.set_margin(4);
    report.set_learning_rate(0.1);
    report.set_gradient_norm(3);
    report.set_loader_seconds(0.001);
    report.set_forward_seconds(0.1);
    report.set_head_seconds(0.01);
    report.set_backward_seconds(0.15);
    report.set_communication_seconds(0.01);
    report.set_reduction_seconds(0.1);
    report.set_optimizer_seconds(0.02);
    report.set_idle_seconds(0.001);
    report.set_checkpoint_seconds(0);
    report.set_zero_norm_embeddings(0);
    report.set_cache_hits(0);
    report.set_cache_bytes(0);
    report.set_memory_bytes(1'000'000'000);
    report.set_collective("all-reduce 8329, handing out");
    send(worker, KIND_STEP, report);
  }

  const Options& options_;
  MpiChannel mpi_;
  std::vector<Worker> workers_;  // by rising number
  double begun_ = std::numeric_limits<double>::infinity();
  uint64_t beats_ = 0;
};

void run(Options options) {
  int rank = 0;
  int ranks = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  if (ranks < 2) throw UsageError("needs mpirun -np 2 or more");
  if (rank > 0) return WorkersOfProcess(options, rank, ranks - 1).run();
  CoordinatorOptions& coordinator = options.coordinator;
  coordinator.run = fs::temp_directory_path() / concat("coordinator_bench-", options.workers);
  fs::remove_all(coordinator.run);
  coordinator.overrides.push_back(concat("solver.steps=", options.steps));
  coordinator.overrides.push_back(concat("solver.batch_size=", 2 * options.workers));
  SimulatedWorkers workers(ranks - 1, options.steps);
  coordinate(workers, options.workers, "rank 0", coordinator);
  Json measured = workers.measured();
  measured["workers"] = options.workers;
  measured["step_seconds"] = options.step_seconds;
  measured["peak_memory_bytes"] = processMemory().peak;
  const auto steps = static_cast<double>(options.steps);
  measured["metrics_bytes_per_step"] =
      static_cast<double>(fs::file_size(coordinator.run / "metrics.jsonl")) / steps;
  if (!options.json.empty()) writeJsonFile(options.json, measured);
  fs::remove_all(coordinator.run);
  const auto number = [&](const char* key) { return measured.at(key).get<double>(); };
  std::printf(
      "%d workers, a step in %.2f s: %.0f messages and %.2f MB a step; the coordinator takes %.2f "
      "ms "
      "of a processor a step (%.1f us a worker), %.1f %% of one; late %.1f ms in the middle, %.1f "
      "ms at most, %.1f ms in the last step; %.0f MB of memory; metrics.jsonl %.1f KB a step\n",
      options.workers, options.step_seconds, number("messages_per_step"),
      1e-6 * (number("bytes_received_per_step") + number("bytes_sent_per_step")),
      1e3 * number("processor_seconds_per_step"),
      1e6 * number("processor_seconds_per_step") / options.workers, 100 * number("processor_share"),
      1e3 * number("late_median"), 1e3 * number("late_most"), 1e3 * number("late_last"),
      1e-6 * number("peak_memory_bytes"), 1e-3 * number("metrics_bytes_per_step"));
}

}  // namespace
}  // namespace sphereface

int main(int argc, char** argv) {
  using namespace sphereface;
  CLI::App app("What many workers cost their coordinator; under mpirun -np 3.",
               "coordinator_bench");
  Options options;
  app.add_option("--config", options.coordinator.config, "A training configuration")->required();
  app.add_option("--set", options.coordinator.overrides, "FIELD.FIELD=VALUE")
      ->allow_extra_args(false);
  app.add_option("--workers", options.workers, "How many are simulated")->capture_default_str();
  app.add_option("--step-seconds", options.step_seconds, "Of a step")->capture_default_str();
  app.add_option("--steps", options.steps, "How many")->capture_default_str();
  app.add_option("--json", options.json, "Write the results to this file");
  CLI11_PARSE(app, argc, argv);
  beginMpi(argc, argv);
  try {
    run(options);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "coordinator_bench: %s\n", e.what());
    MPI_Abort(MPI_COMM_WORLD, kExitFailed);
  }
  MPI_Finalize();
  return kExitDone;
}
