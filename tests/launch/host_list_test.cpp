// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <gtest/gtest.h>

#include "base/error.h"
#include "launch/hosts.h"

namespace sphereface {
namespace {

std::string text(const std::vector<Host>& hosts) {
  std::string all;
  for (const Host& host : hosts)
    all += concat(all.empty() ? "" : " ", host.name, "=", host.slots);
  return all;
}

TEST(HostList, WorkersFillTheHostsInOrder) {
  const std::vector<Host> hosts = parseHosts("node1:2,10.0.0.2,node3:4");
  EXPECT_EQ(text(hosts), "node1=2 10.0.0.2=1 node3=4");
  EXPECT_EQ(totalSlots(hosts), 7);
  EXPECT_EQ(text(fillHosts(hosts, 7)), "node1=2 10.0.0.2=1 node3=4");
  EXPECT_EQ(text(fillHosts(hosts, 4)), "node1=2 10.0.0.2=1 node3=1");
  EXPECT_EQ(text(fillHosts(hosts, 1)), "node1=1");
  EXPECT_THROW(fillHosts(hosts, 8), UsageError);
}

TEST(HostList, RefusesWhatIsNone) {
  for (const char* bad :
       {"", "a,,b", "a,", ":2", "a:", "a:0", "a:-1", "a:2x", "a:1:2", "a b", "a,a", "fe80::1"})
    EXPECT_THROW(parseHosts(bad), UsageError) << bad;
}

}  // namespace
}  // namespace sphereface
