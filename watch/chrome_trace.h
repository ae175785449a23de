// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What each worker did when, over a few steps: as a file for chrome://tracing or Perfetto.

#pragma once

#include <map>

#include "base/json.h"
#include "proto/control.pb.h"

namespace sphereface {

/// By rank.
using Timelines = std::map<int, Timeline>;

/// Chrome's trace event format: a process for each rank, a thread for each track, microseconds.
Json chromeTrace(const Timelines& timelines);

}  // namespace sphereface
