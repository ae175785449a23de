// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What is said where hosts share no network; where they do, jobs over several hosts show it
// (hosts_test.cpp).

#include "launch/network_route.h"

#include <gtest/gtest.h>

#include "launch/launch.h"

namespace sphereface {
namespace {

TEST(NetworkRoute, ThisHostAloneNeedsNone) {
  const SharedNetwork network = sharedNetwork({"127.0.0.1", "localhost"});
  EXPECT_FALSE(network.route);
  EXPECT_EQ(network.problem, "");
  EXPECT_EQ(networkText(network), "");
}

TEST(NetworkRoute, NamesTheHostThatHasNoAddress) {
  const SharedNetwork network = sharedNetwork({"127.0.0.1", "nowhere.invalid"});
  EXPECT_FALSE(network.route);
  EXPECT_EQ(network.problem.rfind("nowhere.invalid: no IPv4 address: ", 0), 0U) << network.problem;
  EXPECT_NE(networkText(network).find(network.problem), std::string::npos);
}

/// A broadcast isn't a host's address.
TEST(NetworkRoute, NamesTheHostThatCantBeReached) {
  const SharedNetwork network = sharedNetwork({"127.0.0.1", "255.255.255.255"});
  EXPECT_FALSE(network.route);
  EXPECT_EQ(network.problem.rfind("255.255.255.255: no route: ", 0), 0U) << network.problem;
}

TEST(NetworkRoute, TellsWhichOneIsShared) {
  const SharedNetwork network = {Route{"eth0", "10.0.0.7", "10.0.0.0/24", true}, ""};
  EXPECT_EQ(networkText(network),
            "10.0.0.0/24, here eth0 10.0.0.7, by the route to the other hosts");
}

}  // namespace
}  // namespace sphereface
