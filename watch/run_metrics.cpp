// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "watch/run_metrics.h"

#include <utility>

#include "base/error.h"
#include "run/json_lines.h"
#include "run/run_folder.h"

namespace sphereface {

std::vector<Json> readRunMetrics(const std::filesystem::path& run) {
  const std::filesystem::path file = RunFolder{run}.metrics();
  if (!exists(file)) throw Error(concat("cannot open ", file.string()));
  std::vector<Json> lines;
  for (Json& line : JsonLines(file).read().lines) {
    while (!lines.empty() && lines.back().at("step") >= line.at("step"))
      lines.pop_back();
    lines.push_back(std::move(line));
  }
  if (lines.empty()) throw Error(concat(file.string(), ": no step has been logged yet"));
  return lines;
}

Series metricSeries(const std::vector<Json>& lines, const char* field, const std::string& label,
                    double factor) {
  Series series;
  series.label = label;
  for (const Json& line : lines) {
    series.x.push_back(line.at("step").get<double>());
    series.y.push_back(factor * line.at(field).get<double>());
  }
  return series;
}

}  // namespace sphereface
