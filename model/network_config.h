// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include "model/network_table.h"
#include "proto/config.pb.h"

namespace sphereface {

/// errors: UsageError of the table.
Network buildNetwork(const NetworkConfig& config);

}  // namespace sphereface
