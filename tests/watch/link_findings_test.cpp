// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "watch/link_findings.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <utility>

#include "worker/link_test.h"

namespace sphereface {
namespace {

TEST(LinkTest, EveryHostMeetsEveryOtherOnce) {
  for (const int hosts : {2, 3, 4, 5, 8, 11}) {
    const int rounds = hosts - 1 + hosts % 2;
    std::set<std::pair<int, int>> met;
    for (int round = 0; round < rounds; ++round) {
      for (int host = 0; host < hosts; ++host) {
        const int partner = partnerInRound(host, hosts, round);
        if (partner < 0) continue;
        ASSERT_NE(partner, host);
        ASSERT_EQ(partnerInRound(partner, hosts, round), host);
        met.emplace(std::min(host, partner), std::max(host, partner));
      }
    }
    EXPECT_EQ(met.size(), static_cast<size_t>(hosts * (hosts - 1) / 2));
  }
}

/// Of workers 1 .. hosts, one a host; those of `slow` have the other rate.
LinkReport report(int hosts, const std::set<std::pair<int, int>>& slow, double rate,
                  double slow_rate) {
  LinkReport report;
  for (int host = 1; host <= hosts; ++host) {
    for (int peer = host + 1; peer <= hosts; ++peer) {
      LinkReport::Link& link = *report.add_link();
      link.set_rank(host);
      link.set_peer(peer);
      link.set_latency_seconds(25e-6);
      link.set_bytes_per_second(slow.contains({host, peer}) ? slow_rate : rate);
    }
  }
  LinkReport::Reduction& reduction = *report.add_reduction();
  reduction.set_bytes(1 << 20);
  reduction.set_seconds(0.002);
  return report;
}

const std::vector<std::string> kHosts = {"a", "b", "c", "d"};

TEST(LinkFindings, SayWhatWasMeasured) {
  const LinkFindings findings = judgeLinks(report(4, {}, 1.2e9, 0), kHosts);
  EXPECT_TRUE(findings.slow.empty());
  EXPECT_EQ(findings.summary,
            "6 links between hosts: 25 us (25 us .. 25 us), 1.2 GB/s (1.2 GB/s .. 1.2 GB/s) each "
            "way; all-reduce over 4 workers: 1 MiB in 2.00 ms (786 MB/s)");
  EXPECT_EQ(findings.details.at("links").size(), 6U);
  EXPECT_EQ(findings.details.at("links").at(0).at("hosts").at(1), "b");
  EXPECT_NEAR(findings.details.at("reduction").at(0).at("bus_bytes_per_second").get<double>(),
              1.5 * (1 << 20) / 0.002, 1);
}

std::string onlySlow(const LinkReport& report, const std::vector<std::string>& hosts = kHosts) {
  const LinkFindings findings = judgeLinks(report, hosts);
  EXPECT_EQ(findings.slow.size(), 1U);
  return findings.slow.empty() ? "" : findings.slow[0].substr(0, findings.slow[0].find(". Look"));
}

TEST(LinkFindings, NameASlowLink) {
  EXPECT_EQ(onlySlow(report(4, {{2, 3}}, 1.2e9, 3e8)),
            "the link between b and c is slow: 300 MB/s; good ones have 1.2 GB/s");
  EXPECT_EQ(onlySlow(report(2, {{1, 2}}, 0, 11e6), {"a", "b"}),
            "the link between a and b is slow: 11 MB/s");
}

TEST(LinkFindings, NameASlowHostOnce) {
  EXPECT_EQ(onlySlow(report(4, {{1, 3}, {2, 3}, {3, 4}}, 1.2e9, 1e7)),
            "all links of c are slow: 10 MB/s (10 MB/s .. 10 MB/s); good ones have 1.2 GB/s");
  EXPECT_EQ(onlySlow(report(3, {{1, 3}, {2, 3}}, 1.2e9, 1e7), {"a", "b", "c"}),
            "all links of c are slow: 10 MB/s (10 MB/s .. 10 MB/s); good ones have 1.2 GB/s");
}

TEST(LinkFindings, NameASlowNetwork) {
  EXPECT_EQ(onlySlow(report(4, {}, 9e7, 0)),
            "the network between all hosts is slow: 90 MB/s (90 MB/s .. 90 MB/s)");
}

TEST(LinkFindings, NameWhatIsSlowerStillInASlowNetwork) {
  const LinkFindings findings = judgeLinks(report(3, {{1, 3}, {2, 3}}, 9e7, 1e7), {"a", "b", "c"});
  ASSERT_EQ(findings.slow.size(), 2U);
  EXPECT_TRUE(findings.slow[0].starts_with("the network between all hosts is slow: 10 MB/s (10"));
  EXPECT_TRUE(
      findings.slow[1].starts_with("all links of c are slow: 10 MB/s (10 MB/s .. 10 MB/s); "
                                   "good ones have 90 MB/s"));
}

}  // namespace
}  // namespace sphereface
