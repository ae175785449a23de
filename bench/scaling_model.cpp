// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The model of docs/scaling.md: how much of a linear speed-up data-parallel training keeps, from
// bytes, link rates and latencies. Prints the document's tables. Nothing is measured here.
//
//   step        images of a GPU / rate; forward a third of it, backward two thirds
//   reduction   on hosts of g GPUs each: (g-1)/g 2 S over the host's links, then S 2 (m-1)/m over
//   the
//               network of m hosts, each with all of its network links; flat: g times as many bytes
//               over the network. A latency for each bucket and message.
//   hidden      what fits into backward but its last bucket, which is ready only at its end
//   exchange    of spread classes: two reductions of 3 B numbers, B D gathered, B D scattered, not
//               hidden

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

namespace {

constexpr double kDim = 512;

struct Cluster {
  const char* name;
  int gpus;          // of a host
  double host_link;  // bytes/s of a GPU within the host, as an all-reduce sees it
  double network;    // bytes/s of a host
  double latency;    // seconds from sending to having, across the network
  double overhead;   // seconds of a rank for each message it sends and receives
};

struct Job {
  double rate = 15000;  // images/s of a GPU alone
  double images = 64;   // of a GPU and step
  double network_bytes = 90.7e6;
  double classes = 10572;
  bool bf16 = false;
  bool two_levels = true;
  bool spread = false;
  int passes = 1;           // iter_size
  double bucket = 4 << 20;  // bytes
};

double bytesOf(const Job& job) {
  const double head = job.spread ? 0 : 4 * kDim * job.classes;
  return (job.network_bytes + head) * (job.bf16 ? 0.5 : 1);
}

/// Seconds to sum `bytes` in `buckets` pieces over `gpus` GPUs.
double reduction(const Cluster& c, double bytes, double buckets, int gpus, bool two_levels) {
  const double g = std::min(gpus, c.gpus);
  const double hosts = gpus / g;
  const double within = 2 * (g - 1) / g * bytes / c.host_link;
  const double across = 2 * (hosts - 1) / hosts * bytes / c.network * (two_levels ? 1 : g);
  // Messages of a rank: to all others at once, or to those of its host and then to its twins.
  const double messages = two_levels ? (g - 1) + (hosts - 1) : gpus - 1;
  const double latency = 2 * (c.latency + messages * c.overhead);
  return within + across + buckets * latency;
}

double exchange(const Cluster& c, const Job& job, int gpus) {
  const double numbers = job.images * gpus;
  return reduction(c, 4 * numbers * kDim, 1, gpus, true) +
         2 * reduction(c, 4 * numbers * 1.5, 1, gpus, true);
}

/// The share of a linear speed-up.
double efficiency(const Cluster& c, const Job& job, int gpus) {
  const double pass = job.images / job.rate;
  const double alone = job.passes * pass;
  if (gpus == 1) return 1;
  const double bytes = bytesOf(job);
  const double buckets = std::max(1.0, std::ceil(bytes / job.bucket));
  const double all = reduction(c, bytes, buckets, gpus, job.two_levels);
  const double last = all / buckets;
  // Gradients are reduced once a step, beside the backward of its last pass.
  double step = alone + std::max(last, all - pass * 2 / 3);
  if (job.spread) step += job.passes * exchange(c, job, gpus);
  return alone / step;
}

void table(const Cluster& cluster, const char* title,
           const std::vector<std::pair<const char*, Job>>& jobs) {
  std::printf("\n%s, %s\n\n| GPUs |", title, cluster.name);
  for (const auto& [name, job] : jobs)
    std::printf(" %s |", name);
  std::printf("\n|---|");
  for (size_t i = 0; i < jobs.size(); ++i)
    std::printf("---|");
  std::printf("\n");
  for (const int gpus : {8, 16, 64, 256, 1024}) {
    std::printf("| %d |", gpus);
    for (const auto& [name, job] : jobs)
      std::printf(" %.0f %% |", 100 * efficiency(cluster, job, gpus));
    std::printf("\n");
  }
}

}  // namespace

int main() {
  const Cluster fast = {
      "8 GPUs a host, NVLink 370 GB/s, 8 x 400 Gb/s a host", 8, 370e9, 8 * 40e9, 5e-6, 0.5e-6};
  const Cluster slow = {
      "8 GPUs a host, NVLink 370 GB/s, 100 Gb/s a host", 8, 370e9, 10e9, 10e-6, 0.5e-6};
  Job plain;
  Job flat;
  flat.two_levels = false;
  Job bf16;
  bf16.bf16 = true;
  Job buckets = bf16;
  buckets.bucket = 16 << 20;
  Job large = buckets;
  large.images = 256;
  Job accumulated = large;
  accumulated.passes = 4;
  for (const Cluster& cluster : {fast, slow}) {
    table(cluster, "SphereFace-20, 10,572 classes",
          {{"one level, 64 images a GPU", flat},
           {"two levels", plain},
           {"and bf16 gradients", bf16},
           {"and buckets of 16 MB", buckets},
           {"and 256 images a GPU", large},
           {"and iter_size 4", accumulated}});
  }
  Job million;
  million.classes = 1e6;
  million.bf16 = true;
  million.bucket = 16 << 20;
  Job spread = million;
  spread.spread = true;
  Job large_spread = spread;
  large_spread.images = 256;
  table(fast, "1,000,000 classes",
        {{"replicated, 64 images a GPU", million},
         {"spread", spread},
         {"spread, 256 images a GPU", large_spread}});
  std::printf(
      "\nClasses from which spreading them is faster (64 images a GPU, bf16 gradients, %s):\n\n| "
      "GPUs | classes |\n|---|---|\n",
      fast.name);
  for (const int gpus : {8, 16, 64, 256, 1024}) {
    int thousands = 1;
    for (; thousands < 1000000; thousands += 1 + thousands / 20) {
      Job replicated = buckets;
      replicated.classes = 1000.0 * thousands;
      Job parallel = replicated;
      parallel.spread = true;
      if (efficiency(fast, parallel, gpus) > efficiency(fast, replicated, gpus)) break;
    }
    std::printf("| %d | %d thousand |\n", gpus, thousands);
  }
  return 0;
}
