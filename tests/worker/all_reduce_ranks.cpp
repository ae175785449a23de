// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Run under mpirun by all_reduce_test.cpp: every rank reduces the same cases and compares with the
// sum computed alone. "late": the last rank never comes.

#include <cmath>
#include <cstdio>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "base/random.h"
#include "worker/gradient_reducer.h"

namespace {

using namespace sphereface;

std::vector<float> valuesOf(int rank, size_t count) {
  Random random(7, static_cast<uint64_t>(rank), count);
  std::vector<float> values(count);
  for (float& value : values)
    value = static_cast<float>(random.normal());
  return values;
}

/// The sum over ranks [first, first + count) in the tree's order: halves of a power of two.
float treeSum(const std::vector<std::vector<float>>& parts, size_t first, size_t count, size_t k) {
  if (count == 1) return parts[first][k];
  size_t left = 1;
  while (2 * left < count)
    left *= 2;
  return treeSum(parts, first, left, k) + treeSum(parts, first + left, count - left, k);
}

/// Levels of the ranks as if each host had `per_host` of them; 0: one level.
std::vector<MPI_Comm> levelsOf(int rank, int per_host) {
  MPI_Comm all = MPI_COMM_NULL;
  if (per_host == 0) {
    MPI_Comm_dup(MPI_COMM_WORLD, &all);
    return {all};
  }
  MPI_Comm on_host = MPI_COMM_NULL;
  MPI_Comm_split(MPI_COMM_WORLD, rank / per_host, rank, &on_host);
  MPI_Comm across = MPI_COMM_NULL;
  MPI_Comm_split(MPI_COMM_WORLD, rank % per_host, rank, &across);
  return {on_host, across};
}

bool check(int rank, int ranks, size_t count, Wire wire, bool threaded, int per_host) {
  std::vector<std::vector<float>> parts;
  parts.reserve(static_cast<size_t>(ranks));
  for (int r = 0; r < ranks; ++r)
    parts.push_back(valuesOf(r, count));
  ReducerOptions options;
  options.wire = wire;
  options.threaded = threaded;
  options.bucket_bytes = 4096;
  std::vector<MPI_Comm> levels = levelsOf(rank, per_host);
  std::vector<float> got = parts[static_cast<size_t>(rank)];
  {
    GradientReducer reducer(levels, options);
    for (int step = 0; step < 2; ++step) {
      got = parts[static_cast<size_t>(rank)];
      const std::span<float> all(got);
      reducer.ready(all.first(count / 3), false);
      reducer.ready(all.subspan(count / 3, count / 3), true);
      reducer.finish(all.subspan(count / 3 * 2));
    }
    size_t bytes = 0;
    for (const GradientSum::Span& span : reducer.spans())
      bytes += span.bytes;
    if (bytes != count * sizeof(float)) return false;
  }
  for (MPI_Comm& level : levels)
    MPI_Comm_free(&level);

  for (size_t k = 0; k < count; ++k) {
    const float expected = treeSum(parts, 0, static_cast<size_t>(ranks), k);
    // Each contribution and the sum were rounded to 8 bits.
    const float allowed =
        wire == Wire::kFp32 ? 0 : 0x1p-8F * (std::fabs(expected) + 4 * static_cast<float>(ranks));
    if (!(std::fabs(got[k] - expected) <= allowed)) {
      std::printf("rank %d of %d: value %zu of %zu is %g, not %g\n", rank, ranks, k, count, got[k],
                  expected);
      return false;
    }
  }
  // The same bits on every rank.
  std::vector<float> first = got;
  MPI_Bcast(first.data(), static_cast<int>(count), MPI_FLOAT, 0, MPI_COMM_WORLD);
  return std::memcmp(first.data(), got.data(), count * sizeof(float)) == 0;
}

}  // namespace

int main(int argc, char** argv) {
  int provided = 0;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &provided);
  int rank = 0;
  int ranks = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  if (argc > 1 && std::strcmp(argv[1], "late") == 0) {
    WaitOptions waits;
    waits.timeout = std::chrono::seconds(1);
    waits.give_up = [](const Error& e) {
      std::printf("%s\n", e.what());
      std::fflush(stdout);
      MPI_Abort(MPI_COMM_WORLD, 1);
    };
    AllReduce all_reduce({MPI_COMM_WORLD}, Wire::kFp32, 100, waits);
    std::vector<float> values(100, 1);
    if (rank + 1 < ranks) all_reduce(values);
    MPI_Barrier(MPI_COMM_WORLD);
  }
  bool good = true;
  for (const size_t count : {1, 3, 13, 127, 5000}) {
    for (const Wire wire : {Wire::kFp32, Wire::kBf16}) {
      for (const bool threaded : {false, true})
        good = check(rank, ranks, count, wire, threaded, 0) && good;
      // With two ranks on a host the tree stays the same.
      if (ranks > 2 && ranks % 2 == 0) good = check(rank, ranks, count, wire, true, 2) && good;
    }
  }
  MPI_Finalize();
  return good ? 0 : 1;
}
