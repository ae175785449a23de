// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The gradients' all-reduce (worker/all_reduce.h) beside MPI's own, in turns, under mpirun: median
// times of buffers from 4 KB on. "Bus" is 2 (n-1)/n of the bytes over the time, what each rank's
// link would have to carry. The last lines fit t = alpha + beta bytes to each, least squares of the
// relative error, for docs/scaling.md.
//
//   mpirun -np 2 build/bin/all_reduce_bench --json all_reduce.json

#include <mpi.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "base/json.h"
#include "worker/all_reduce.h"

namespace {

using namespace sphereface;

constexpr size_t kSmallest = 1 << 10;  // floats
constexpr size_t kLargest = 1 << 24;

struct Method {
  std::string name;
  std::function<void(std::span<float>)> reduce;
  std::vector<double> bytes;
  std::vector<double> seconds;  // medians
};

double timed(const std::function<void()>& action) {
  MPI_Barrier(MPI_COMM_WORLD);
  const double start = MPI_Wtime();
  action();
  double seconds = MPI_Wtime() - start;
  MPI_Allreduce(MPI_IN_PLACE, &seconds, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
  return seconds;
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

struct Fit {
  double alpha = 0;  // seconds
  double beta = 0;   // seconds a byte
};

/// Minimises sum ((alpha + beta bytes - t) / t)^2.
Fit fit(const Method& method) {
  double aa = 0;
  double ab = 0;
  double bb = 0;
  double a1 = 0;
  double b1 = 0;
  for (size_t i = 0; i < method.bytes.size(); ++i) {
    const double a = 1 / method.seconds[i];
    const double b = method.bytes[i] / method.seconds[i];
    aa += a * a;
    ab += a * b;
    bb += b * b;
    a1 += a;
    b1 += b;
  }
  const double determinant = aa * bb - ab * ab;
  return {(a1 * bb - b1 * ab) / determinant, (aa * b1 - ab * a1) / determinant};
}

}  // namespace

int main(int argc, char** argv) {
  int repetitions = 21;
  std::string json_path;
  CLI::App app{"The gradients' all-reduce beside MPI's"};
  app.add_option("--repetitions", repetitions)->capture_default_str();
  app.add_option("--json", json_path, "Also write the numbers here");
  CLI11_PARSE(app, argc, argv);
  MPI_Init(&argc, &argv);
  int rank = 0;
  int ranks = 1;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);

  {
    MPI_Comm comm = MPI_COMM_NULL;
    MPI_Comm_dup(MPI_COMM_WORLD, &comm);
    const std::chrono::seconds patience(60);
    AllReduce fp32({comm}, Wire::kFp32, kLargest, {patience});
    AllReduce awake({comm}, Wire::kFp32, kLargest, {patience, Waiting::kAwake});
    AllReduce bf16({comm}, Wire::kBf16, kLargest, {patience});
    std::vector<Method> methods = {
        {"fp32", [&](std::span<float> values) { fp32(values); }, {}, {}},
        {"fp32 awake", [&](std::span<float> values) { awake(values); }, {}, {}},
        {"bf16", [&](std::span<float> values) { bf16(values); }, {}, {}},
        {"MPI_Allreduce",
         [&](std::span<float> values) {
           MPI_Allreduce(MPI_IN_PLACE, values.data(), static_cast<int>(values.size()), MPI_FLOAT,
                         MPI_SUM, comm);
         },
         {},
         {}}};
    std::vector<float> values(kLargest);
    if (rank == 0) {
      std::printf("%d ranks; median of %d\n%12s", ranks, repetitions, "bytes");
      for (const Method& method : methods)
        std::printf("  %14s us  bus GB/s", method.name.c_str());
      std::printf("\n");
    }
    for (size_t count = kSmallest; count <= kLargest; count *= 4) {
      std::vector<std::vector<double>> seconds(methods.size());
      for (int repetition = 0; repetition < repetitions; ++repetition) {
        for (size_t m = 0; m < methods.size(); ++m) {
          // Sums of zeros: the values don't grow from call to call.
          seconds[m].push_back(timed([&] { methods[m].reduce(std::span(values).first(count)); }));
        }
      }
      const double bytes = static_cast<double>(count) * sizeof(float);
      if (rank == 0) std::printf("%12.0f", bytes);
      for (size_t m = 0; m < methods.size(); ++m) {
        methods[m].bytes.push_back(bytes);
        methods[m].seconds.push_back(median(seconds[m]));
        const double bus = 2 * (ranks - 1.0) / ranks * bytes / methods[m].seconds.back();
        if (rank == 0) std::printf("  %17.1f  %8.2f", 1e6 * methods[m].seconds.back(), 1e-9 * bus);
      }
      if (rank == 0) std::printf("\n");
    }
    Json json = {{"ranks", ranks}, {"repetitions", repetitions}, {"methods", Json::array()}};
    for (const Method& method : methods) {
      const Fit line = fit(method);
      if (rank == 0) {
        std::printf("%-14s alpha %.1f us, 1/beta %.2f GB/s\n", method.name.c_str(),
                    1e6 * line.alpha, 1e-9 / line.beta);
      }
      json["methods"].push_back({{"name", method.name},
                                 {"bytes", method.bytes},
                                 {"seconds", method.seconds},
                                 {"alpha_seconds", line.alpha},
                                 {"beta_seconds_per_byte", line.beta}});
    }
    if (rank == 0 && !json_path.empty()) writeJsonFile(json_path, json);
    MPI_Comm_free(&comm);
  }
  MPI_Finalize();
  return 0;
}
