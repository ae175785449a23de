// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "model/network_config.h"

#include "base/error.h"
#include "proto/field_ranges.h"

namespace sphereface {

Network buildNetwork(const NetworkConfig& config) {
  if (const std::optional<MisfitNumber> misfit = findMisfit(config)) {
    throw UsageError(concat("network.", misfit->field, ": ", misfit->message));
  }
  NetworkTable table;
  table.name = config.name();
  table.height = static_cast<int>(config.height());
  table.width = static_cast<int>(config.width());
  table.embedding = static_cast<int>(config.embedding());
  for (const NetworkConfig::Stage& stage : config.stage())
    table.stages.push_back({static_cast<int>(stage.channels()), static_cast<int>(stage.units())});
  return buildNetwork(table);
}

}  // namespace sphereface
