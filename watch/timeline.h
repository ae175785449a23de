// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What each worker did when, over a few steps: as a file for chrome://tracing or Perfetto, and one
// step of it as a picture.

#pragma once

#include <filesystem>
#include <map>

#include "base/json.h"
#include "proto/control.pb.h"

namespace sphereface {

/// By rank.
using Timelines = std::map<int, Timeline>;

/// Chrome's trace event format: a process for each rank, a thread for each track, microseconds.
Json chromeTrace(const Timelines& timelines);

/// The middle one of the steps: a line of bars for each rank's computation and one for its
/// reduction of gradients.
void writeTimelinePlot(const std::filesystem::path& file, const Timelines& timelines);

}  // namespace sphereface
