// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What ten thousand workers cost their coordinator: the real one, over MPI, with light-weight
// workers that only send what real ones would, many to a process.
//
//   mpirun --oversubscribe -np 3 build/bin/coordinator_bench --config C --workers 10000
//
// Rank 0 is the coordinator; the workers live in the other ranks. They take their steps together,
// one in --step-seconds, report each, and send a heartbeat a second. Printed are the messages and
// bytes of a step, the coordinator's processor time for it, its memory, and how late it is: how
// long a step's reports wait until it takes them, of the steps' longest waits the median, the most
// and that of the last step. A coordinator that can't keep up is later with every step.

#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/statistics.h"
#include "base/this_process.h"
#include "bench/harness.h"
#include "control/channel.h"
#include "control/mpi_session.h"
#include "coordinator/coordinator.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

struct Options {
  int workers = 0;
  double step_seconds = 0;
  int steps = 0;
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
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
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
  void tell(bench::Bench& bench, const Options& options, double metrics_bytes) const {
    const auto steps = static_cast<double>(late_.size());
    const double processor = processor_ / steps;
    bench.row("coordinator",
              {{"workers", options.workers},
               {"step s", options.step_seconds, 2},
               {"messages", static_cast<double>(received_ + sent_) / steps},
               {"MB", 1e-6 * static_cast<double>(received_bytes_ + sent_bytes_) / steps, 2},
               {"processor ms", 1e3 * processor, 2},
               {"us a worker", 1e6 * processor / options.workers, 1},
               {"% of one", 100 * processor_ / seconds_, 1},
               {"late ms", 1e3 * median(late_), 1},
               {"most ms", 1e3 * std::ranges::max(late_), 1},
               {"last ms", 1e3 * late_.back(), 1},
               {"memory MB", 1e-6 * static_cast<double>(processMemory().peak)},
               {"metrics KB", 1e-3 * metrics_bytes / steps, 1}});
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

  /// Every number that a report can have.
  void report(int worker, uint64_t step) {
    using Field = google::protobuf::FieldDescriptor;
    StepReport report;
    for (int i = 0; i < StepReport::descriptor()->field_count(); ++i) {
      const Field* field = StepReport::descriptor()->field(i);
      if (field->is_repeated()) continue;
      if (field->cpp_type() == Field::CPPTYPE_DOUBLE)
        report.GetReflection()->SetDouble(&report, field, 0.1);
      if (field->cpp_type() == Field::CPPTYPE_UINT64)
        report.GetReflection()->SetUInt64(&report, field, 1);
    }
    report.set_step(step);
    report.set_images(2);
    report.set_collective("all-reduce 8329, handing out");
    send(worker, KIND_STEP, report);
  }

  const Options& options_;
  MpiChannel mpi_;
  std::vector<Worker> workers_;  // by rising number
  double begun_ = std::numeric_limits<double>::infinity();
  uint64_t beats_ = 0;
};

void measureCoordinator(bench::Bench& bench, const Options& options, CoordinatorOptions coordinator,
                        int processes) {
  coordinator.run = fs::temp_directory_path() / concat("coordinator_bench-", options.workers);
  fs::remove_all(coordinator.run);
  coordinator.overrides.push_back(concat("solver.steps=", options.steps));
  coordinator.overrides.push_back(concat("solver.batch_size=", 2 * options.workers));
  SimulatedWorkers workers(processes, options.steps);
  coordinate(workers, options.workers, "rank 0", coordinator);
  const auto metrics_bytes = static_cast<double>(fs::file_size(coordinator.run / "metrics.jsonl"));
  fs::remove_all(coordinator.run);
  workers.tell(bench, options, metrics_bytes);
}

void measure(bench::Bench& bench) {
  CoordinatorOptions coordinator;
  coordinator.config = bench.option("--config", std::string());
  coordinator.overrides = bench.list("--set", {});
  Options options;
  options.workers = bench.option("--workers", 10000);
  options.step_seconds = bench.option("--step-seconds", 0.3);
  options.steps = bench.option("--steps", 100);
  bench.start();
  if (coordinator.config.empty()) throw UsageError("--config is missing");
  int none = 0;
  char** nothing = nullptr;
  beginMpi(none, nothing);
  int rank = 0;
  int ranks = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  if (ranks < 2) throw UsageError("needs mpirun -np 2 or more");
  if (rank == 0) {
    measureCoordinator(bench, options, coordinator, ranks - 1);
  } else {
    bench.silence();
    WorkersOfProcess(options, rank, ranks - 1).run();
  }
  MPI_Finalize();
}

}  // namespace
}  // namespace sphereface

int main(int argc, char** argv) {
  return sphereface::bench::run(argc, argv, sphereface::measure);
}
