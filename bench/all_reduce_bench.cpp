// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The gradients' all-reduce (worker/all_reduce.h) beside MPI's own, in turns, under mpirun: times
// of buffers from 4 KB on, of the slowest rank. "Bus" is 2 (n-1)/n of the bytes over the time, what
// each rank's link would have to carry. The last table fits t = alpha + beta bytes to each method,
// least squares of the relative error, for docs/scaling.md.
//
//   mpirun -np 2 build/bin/all_reduce_bench --json all_reduce.json

#include <mpi.h>

#include <chrono>
#include <functional>
#include <span>
#include <vector>

#include "bench/harness.h"
#include "worker/all_reduce.h"

namespace {

using namespace sphereface;

constexpr size_t kSmallest = 1 << 10;  // floats
constexpr size_t kLargest = 1 << 24;

/// The slowest rank's.
double slowestSeconds(const std::function<void()>& action) {
  MPI_Barrier(MPI_COMM_WORLD);
  double seconds = bench::secondsOf(action);
  MPI_Allreduce(MPI_IN_PLACE, &seconds, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
  return seconds;
}

struct Measured {
  double bytes = 0;
  double seconds = 0;
};

struct Fit {
  double alpha = 0;  // seconds
  double beta = 0;   // seconds a byte
};

/// Minimises sum ((alpha + beta bytes - t) / t)^2.
Fit fit(const std::vector<Measured>& all) {
  double aa = 0;
  double ab = 0;
  double bb = 0;
  double a1 = 0;
  double b1 = 0;
  for (const auto& [bytes, seconds] : all) {
    const double a = 1 / seconds;
    const double b = bytes / seconds;
    aa += a * a;
    ab += a * b;
    bb += b * b;
    a1 += a;
    b1 += b;
  }
  const double determinant = aa * bb - ab * ab;
  return {(a1 * bb - b1 * ab) / determinant, (aa * b1 - ab * a1) / determinant};
}

void measure(bench::Bench& bench) {
  const int repetitions = bench.option("--repetitions", 21);
  bench.start();
  MPI_Init(nullptr, nullptr);
  int rank = 0;
  int ranks = 1;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  if (rank > 0) bench.silence();
  bench.fact({"ranks", ranks});

  MPI_Comm comm = MPI_COMM_NULL;
  MPI_Comm_dup(MPI_COMM_WORLD, &comm);
  const std::chrono::seconds patience(60);
  AllReduce fp32({comm}, Wire::kFp32, kLargest, {patience});
  AllReduce awake({comm}, Wire::kFp32, kLargest, {patience, Waiting::kAwake});
  AllReduce bf16({comm}, Wire::kBf16, kLargest, {patience});
  // Sums of zeros: the values don't grow from call to call.
  std::vector<float> zeros(kLargest);
  std::span<float> values;
  const auto mpi = [&] {
    MPI_Allreduce(MPI_IN_PLACE, values.data(), static_cast<int>(values.size()), MPI_FLOAT, MPI_SUM,
                  comm);
  };
  std::vector<bench::Contender> methods = {
      {"fp32", [&] { return slowestSeconds([&] { fp32(values); }); }},
      {"fp32 awake", [&] { return slowestSeconds([&] { awake(values); }); }},
      {"bf16", [&] { return slowestSeconds([&] { bf16(values); }); }},
      {"MPI_Allreduce", [&] { return slowestSeconds(mpi); }}};

  std::vector<std::vector<Measured>> measured(methods.size());
  for (size_t count = kSmallest; count <= kLargest; count *= 4) {
    values = std::span(zeros).first(count);
    bench::takeTurns(methods, {.rounds = repetitions, .warm_up = 0});
    const auto bytes = static_cast<double>(values.size_bytes());
    for (size_t m = 0; m < methods.size(); ++m) {
      const bench::Contender& method = methods[m];
      measured[m].push_back({bytes, method.median()});
      bench.row("sums",
                {{"bytes", bytes},
                 {"method", method.name, 14},
                 {"us", 1e6 * method.median(), 1},
                 {"least us", 1e6 * method.shortest(), 1},
                 {"most us", 1e6 * method.longest(), 1},
                 {"x MPI_Allreduce", method.timesAsFastAs(methods.back()), 2},
                 {"bus GB/s", 1e-9 * 2 * (ranks - 1.0) / ranks * bytes / method.median(), 2}});
    }
  }
  for (size_t m = 0; m < methods.size(); ++m) {
    const Fit line = fit(measured[m]);
    bench.row("methods", {{"method", methods[m].name, 14},
                          {"alpha us", 1e6 * line.alpha, 1},
                          {"1/beta GB/s", 1e-9 / line.beta, 2}});
  }
  MPI_Comm_free(&comm);
  MPI_Finalize();
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run(argc, argv, measure);
}
