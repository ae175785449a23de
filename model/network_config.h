// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include "model/network_table.h"
#include "proto/config.pb.h"

namespace sphereface {

/// errors: UsageError of the table, or of a number that config.proto doesn't allow.
Network buildNetwork(const NetworkConfig& config);

}  // namespace sphereface
