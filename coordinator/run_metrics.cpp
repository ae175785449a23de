// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "coordinator/run_metrics.h"

#include <fstream>

#include "base/error.h"

namespace sphereface {

std::vector<Json> readRunMetrics(const std::filesystem::path& run) {
  const std::filesystem::path file = run / "metrics.jsonl";
  std::ifstream in(file);
  if (!in) throw Error(concat("cannot open ", file.string()));
  std::vector<Json> lines;
  std::string text;
  while (std::getline(in, text)) {
    const Json line = Json::parse(text, nullptr, false);
    if (line.is_discarded()) continue;
    while (!lines.empty() && lines.back().at("step") >= line.at("step"))
      lines.pop_back();
    lines.push_back(line);
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
