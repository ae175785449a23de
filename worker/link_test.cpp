// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "worker/link_test.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/clock.h"
#include "base/statistics.h"
#include "worker/all_reduce.h"

namespace sphereface {
namespace {

constexpr int kMostRounds = 15;
constexpr int kPings = 20;
constexpr int kTries = 5;  // a processor busy with something else makes one of them long
constexpr size_t kSmallest = 64 << 10;  // bytes
constexpr size_t kLargest = 16 << 20;
constexpr double kLongEnough = 0.02;  // seconds, for a rate
constexpr double kTooLong = 0.5;
constexpr int kReductions = 3;

struct Measured {
  double latency = 0;  // seconds; 0: not measured by this worker
  double rate = 0;     // bytes a second
};

/// Two workers; both know what to do next from what they have measured or been told.
class Pair {
 public:
  Pair(PeerMessages& messages, int peer, uint64_t number, std::vector<char>& memory)
      : messages_(messages), peer_(peer), number_(number), memory_(memory) {}

  /// The one of lower rank measures.
  Measured run() {
    Measured measured;
    exchange(1);  // makes the connection
    std::array<double, kPings> pings{};
    for (double& ping : pings) {
      const double begin = secondsNow();
      exchange(8);
      ping = secondsNow() - begin;
    }
    measured.latency = median({pings.begin(), pings.end()});
    int tries = 0;
    double shortest = 0;
    for (uint64_t bytes = kSmallest; bytes > 0;) {
      const double begin = secondsNow();
      exchange(bytes);
      const double seconds = secondsNow() - begin;
      shortest = tries++ == 0 ? seconds : std::min(shortest, seconds);
      const bool next_size = shortest < kLongEnough && bytes < kLargest;
      if (!next_size) measured.rate = static_cast<double>(bytes) / shortest;
      if (next_size || tries == kTries) tries = 0;
      bytes = agree(next_size ? 4 * bytes : tries == 0 ? 0 : bytes);
    }
    return messages_.rank() < peer_ ? measured : Measured();
  }

 private:
  void exchange(size_t bytes) {
    messages_.receive(peer_, memory_.data() + kLargest, bytes, MPI_BYTE);
    messages_.send(peer_, memory_.data(), bytes, MPI_BYTE);
    messages_.wait("link test", number_, "exchanging");
  }

  /// What the one of lower rank says.
  uint64_t agree(uint64_t own) {
    if (messages_.rank() < peer_) {
      messages_.send(peer_, &own, sizeof own, MPI_BYTE);
    } else {
      messages_.receive(peer_, &own, sizeof own, MPI_BYTE);
    }
    messages_.wait("link test", number_, "agreeing");
    return own;
  }

  PeerMessages& messages_;
  int peer_;
  uint64_t number_;
  std::vector<char>& memory_;  // both directions
};

/// Called by the first worker of each host.
void testPairs(MPI_Comm firsts, int own_rank, const WaitOptions& waits, LinkReport& report) {
  PeerMessages messages(firsts, waits);
  const int hosts = messages.ranks();
  const int rounds = std::min(hosts - 1 + hosts % 2, kMostRounds);
  std::vector<char> memory(2 * kLargest);
  std::vector<Measured> measured(static_cast<size_t>(rounds));
  for (int round = 0; round < rounds; ++round) {
    const int peer = partnerInRound(messages.rank(), hosts, round);
    if (peer < 0) continue;
    measured[static_cast<size_t>(round)] =
        Pair(messages, peer, static_cast<uint64_t>(round), memory).run();
  }
  const size_t all = static_cast<size_t>(rounds) * static_cast<size_t>(hosts);
  std::vector<Measured> of_all(all);
  std::vector<int> ranks(static_cast<size_t>(hosts));
  const int bytes = static_cast<int>(measured.size() * sizeof(Measured));
  MPI_Gather(measured.data(), bytes, MPI_BYTE, of_all.data(), bytes, MPI_BYTE, 0, firsts);
  MPI_Gather(&own_rank, 1, MPI_INT, ranks.data(), 1, MPI_INT, 0, firsts);
  if (messages.rank() != 0) return;
  for (int host = 0; host < hosts; ++host) {
    for (int round = 0; round < rounds; ++round) {
      const Measured& link =
          of_all[static_cast<size_t>(host) * measured.size() + static_cast<size_t>(round)];
      if (link.rate == 0) continue;
      LinkReport::Link& entry = *report.add_link();
      entry.set_rank(ranks[static_cast<size_t>(host)]);
      entry.set_peer(ranks[static_cast<size_t>(partnerInRound(host, hosts, round))]);
      entry.set_latency_seconds(link.latency);
      entry.set_bytes_per_second(link.rate);
    }
  }
}

void testReduction(const MpiSession& session, Wire wire, const WaitOptions& waits,
                   LinkReport& report) {
  AllReduce reduce(session.gradientLevels(), wire, kLargest / sizeof(float), waits, "link test");
  std::vector<float> values(kLargest / sizeof(float));
  /// The slowest worker's, on all.
  const auto timed = [&](size_t bytes) {
    const double begin = secondsNow();
    reduce(std::span(values).first(bytes / sizeof(float)));
    float seconds = static_cast<float>(secondsNow() - begin);
    reduce(std::span(&seconds, 1), Combine::kMaximum);
    return static_cast<double>(seconds);
  };
  for (size_t bytes = kSmallest; bytes <= kLargest; bytes *= 4) {
    double seconds = timed(bytes);  // and warm
    if (seconds < kTooLong) {
      std::array<double, kReductions> times{};
      for (double& time : times)
        time = timed(bytes);
      seconds = median({times.begin(), times.end()});
    }
    LinkReport::Reduction& entry = *report.add_reduction();
    entry.set_bytes(bytes);
    entry.set_seconds(seconds);
    if (seconds >= kTooLong) return;
  }
}

}  // namespace

int partnerInRound(int host, int hosts, int round) {
  const int circle = std::max(1, hosts - 1 + hosts % 2);
  int partner = round;
  if (host != circle) {
    partner = ((2 * round - host) % circle + circle) % circle;
    if (partner == host) partner = circle;
  }
  return partner < hosts ? partner : -1;
}

LinkReport testLinks(const MpiSession& session, Wire wire, const WaitOptions& waits) {
  LinkReport report;
  MPI_Comm firsts = MPI_COMM_NULL;
  MPI_Comm_split(session.workerComm(), session.placeOnHost() == 0 ? 0 : MPI_UNDEFINED,
                 session.rank(), &firsts);
  if (firsts != MPI_COMM_NULL) {
    testPairs(firsts, session.rank(), waits, report);
    MPI_Comm_free(&firsts);
  }
  testReduction(session, wire, waits, report);
  if (!session.isFirstWorker()) report.Clear();
  return report;
}

}  // namespace sphereface
