// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "worker/mpi_probe.h"

#include <mpi.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <span>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/statistics.h"
#include "control/mpi_session.h"
#include "worker/all_reduce.h"

namespace sphereface {
namespace {

constexpr size_t kFloats = size_t{4} << 20;
constexpr int kLargeSums = 5;
constexpr int kSmallSums = 200;
constexpr int kResultTag = 1;
constexpr size_t kBucket = size_t{1} << 20;  // floats, as training reduces them
constexpr std::chrono::seconds kTimeout{20};
using HostName = std::array<char, MPI_MAX_PROCESSOR_NAME>;

struct Sums {
  double small_seconds = 0;
  double large_seconds = 0;
  double wrong = 0;  // sums that weren't what they must be
};

/// Rank r of `comm` puts in r + 1.
Sums sumOver(MPI_Comm comm) {
  int rank = 0;
  int size = 0;
  MPI_Comm_rank(comm, &rank);
  MPI_Comm_size(comm, &size);
  const auto expected = static_cast<float>(size) * static_cast<float>(size + 1) / 2;
  Sums sums;
  AllReduce reduce({comm}, Wire::kFp32, kBucket, {kTimeout});
  auto time = [&](std::vector<float>& values) {
    std::fill(values.begin(), values.end(), static_cast<float>(rank + 1));
    MPI_Barrier(comm);
    const double start = MPI_Wtime();
    for (size_t begin = 0; begin < values.size(); begin += kBucket) {
      const size_t count = std::min(kBucket, values.size() - begin);
      reduce(std::span(values).subspan(begin, count));
    }
    const double seconds = MPI_Wtime() - start;
    sums.wrong +=
        std::count(values.begin(), values.end(), expected) != static_cast<ptrdiff_t>(values.size());
    return seconds;
  };
  auto typical = [&](size_t count, int repeats) {
    std::vector<float> values(count);
    std::vector<double> seconds;
    for (int i = -1; i < repeats; ++i) {
      const double taken = time(values);
      if (i >= 0) seconds.push_back(taken);  // the first one sets up connections
    }
    return median(seconds);
  };
  sums.small_seconds = typical(1, kSmallSums);
  sums.large_seconds = typical(kFloats, kLargeSums);
  return sums;
}

/// Waits as the coordinator does, without taking a core.
Sums receiveSums() {
  int there = 0;
  while (true) {
    MPI_Iprobe(1, kResultTag, MPI_COMM_WORLD, &there, MPI_STATUS_IGNORE);
    if (there != 0) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  std::array<double, 3> numbers{};
  MPI_Recv(numbers.data(), 3, MPI_DOUBLE, 1, kResultTag, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
  return {numbers[0], numbers[1], numbers[2]};
}

Json describe(const std::vector<HostName>& hosts, bool threads) {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> version{};
  int length = 0;
  MPI_Get_library_version(version.data(), &length);
  Json json;
  json["library"] = version.data();
  json["threads"] = threads;
  json["hosts"] = Json::array();
  for (const HostName& host : hosts)
    json["hosts"].push_back(host.data());
  return json;
}

/// The names of all ranks' hosts, on rank 0.
std::vector<HostName> gatherHosts(int ranks) {
  HostName host{};
  int length = 0;
  MPI_Get_processor_name(host.data(), &length);
  std::vector<HostName> hosts(static_cast<size_t>(ranks));
  MPI_Gather(host.data(), MPI_MAX_PROCESSOR_NAME, MPI_CHAR, hosts.data(), MPI_MAX_PROCESSOR_NAME,
             MPI_CHAR, 0, MPI_COMM_WORLD);
  return hosts;
}

void probe(bool threads) {
  int rank = 0;
  int size = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  const std::vector<HostName> hosts = gatherHosts(size);
  MPI_Comm workers = MPI_COMM_NULL;
  MPI_Comm_split(MPI_COMM_WORLD, rank > 0 ? 1 : MPI_UNDEFINED, rank, &workers);
  if (rank > 0) {
    const Sums sums = sumOver(workers);
    const std::array<double, 3> numbers = {sums.small_seconds, sums.large_seconds, sums.wrong};
    if (rank == 1) MPI_Send(numbers.data(), 3, MPI_DOUBLE, 0, kResultTag, MPI_COMM_WORLD);
    MPI_Comm_free(&workers);
    return;
  }
  Json json = describe(hosts, threads);
  if (size > 1) {
    const Sums sums = receiveSums();
    json["small_sum_seconds"] = sums.small_seconds;
    json["large_sum_bytes"] = kFloats * sizeof(float);
    json["large_sum_seconds"] = sums.large_seconds;
    json["wrong_sums"] = sums.wrong;
  }
  std::printf("%s\n", jsonText(json).c_str());
  std::fflush(stdout);
}

}  // namespace

int probeMpi(int& argc, char**& argv) {
  const bool threads = beginMpi(argc, argv);
  try {
    probe(threads);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "sphereface-worker --probe: %s\n", e.what());
    MPI_Abort(MPI_COMM_WORLD, kExitFailed);
  }
  waitForAllRanks();
  MPI_Finalize();
  return kExitDone;
}

}  // namespace sphereface
