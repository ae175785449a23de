// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "proto/control.pb.h"

namespace sphereface {

/// What a link test says to the user.
struct LinkFindings {
  std::string summary;
  /// Links at most a third as fast as the best quarter of them, or slower than 100 MB/s (less than
  /// 1 Gb/s), in words and with advice; a host whose links are all slow is named once.
  std::vector<std::string> slow;
  /// links[] {hosts[2], latency_seconds, bytes_per_second}, reduction[] {bytes, seconds,
  /// bus_bytes_per_second}: the latter 2 (n-1)/n bytes / seconds for n workers, what each sends.
  Json details;
};

/// `hosts`: of each worker, by rank - 1. requires: at least one link.
LinkFindings judgeLinks(const LinkReport& report, const std::vector<std::string>& hosts);

}  // namespace sphereface
