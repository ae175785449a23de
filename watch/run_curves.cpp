// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "watch/run_curves.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "base/error.h"
#include "run/json_lines.h"
#include "run/run_folder.h"

namespace sphereface {

std::vector<Json> readRunMetrics(const std::filesystem::path& run) {
  const std::filesystem::path file = RunFolder{run}.metrics();
  if (!exists(file)) throw Error(concat("cannot open ", file.string()));
  std::vector<Json> lines;
  for (Json& line : JsonLines(file).read().lines) {
    const Json* step = line.find("step");
    if (step == nullptr || !step->is_number()) continue;
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
    const Json* value = line.find(field);
    const bool told = value != nullptr && value->is_number();
    series.y.push_back(told ? factor * value->get<double>()
                            : std::numeric_limits<double>::quiet_NaN());
  }
  return series;
}

std::filesystem::path writeTrainingPlot(const std::filesystem::path& run,
                                        const std::string& title) {
  const std::vector<Json> lines = readRunMetrics(run);
  std::vector<Panel> panels;
  auto add = [&](const std::string& y_label, std::vector<Series> series) -> Panel& {
    Panel panel;
    panel.x_label = "step";
    panel.y_label = y_label;
    panel.series = std::move(series);
    panels.push_back(std::move(panel));
    return panels.back();
  };
  Series chance = metricSeries(lines, "loss_at_chance", "ln C: chance without a margin");
  chance.style = SeriesStyle::kReference;
  add("loss", {metricSeries(lines, "loss", "loss with the margin"), chance});
  add("accuracy (%)", {metricSeries(lines, "accuracy", "", 100)});
  const Series lambda = metricSeries(lines, "lambda", "");
  if (std::any_of(lambda.y.begin(), lambda.y.end(), [](double value) { return value > 0; })) {
    add("lambda", {lambda}).log_y = true;
  } else {
    add("margin", {metricSeries(lines, "margin", "")});
  }
  add("learning rate", {metricSeries(lines, "learning_rate", "")});
  add("images/s", {metricSeries(lines, "images_per_second", "")});
  std::filesystem::path file = RunFolder{run}.plot();
  std::filesystem::create_directories(file.parent_path());
  writeFigure(file, title, panels);
  return file;
}

}  // namespace sphereface
