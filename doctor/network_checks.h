// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Which networks OpenMPI may choose from. It tries all that are up; a bridge of containers or
// virtual machines has an address of its own on every host, which leads nowhere.

#pragma once

#include <string>
#include <vector>

#include "doctor/finding.h"

namespace sphereface::doctor {

/// An interface that is up, with one of its IPv4 addresses.
struct Interface {
  std::string name;
  std::string address;
  bool loopback = false;
};
std::vector<Interface> interfaces();

/// docker0, virbr0, br-..., veth... and their like.
bool isVirtualBridge(const std::string& name);

/// True when `item` of a list such as "eth0,10.0.0.0/8" names this interface or its network.
bool includes(const std::string& item, const Interface& interface);

/// Lists given to OpenMPI by environment variables; empty: it chooses by itself.
struct NetworkChoice {
  std::string messages;   // OMPI_MCA_btl_tcp_if_include: the ranks'
  std::string control;    // OMPI_MCA_oob_tcp_if_include: mpirun's own
  bool excluded = false;  // by OMPI_MCA_*_if_exclude
};
NetworkChoice networkChoice();

Finding networkFinding(const std::vector<Interface>& interfaces, const NetworkChoice& choice);

}  // namespace sphereface::doctor
