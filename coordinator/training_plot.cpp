// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "coordinator/training_plot.h"

#include <fstream>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/plot.h"

namespace sphereface {
namespace {

std::vector<Json> readMetrics(const std::filesystem::path& file) {
  std::ifstream in(file);
  if (!in) throw Error(concat("cannot open ", file.string()));
  std::vector<Json> lines;
  std::string text;
  while (std::getline(in, text)) {
    const Json line = Json::parse(text, nullptr, false);
    if (line.is_discarded()) continue;  // the last line of a run that was killed
    // A resumed run goes back to its checkpoint's step: what was after it didn't happen.
    while (!lines.empty() && lines.back().at("step") >= line.at("step"))
      lines.pop_back();
    lines.push_back(line);
  }
  return lines;
}

Series seriesOf(const std::vector<Json>& lines, const char* field, const std::string& label,
                double factor = 1) {
  Series series;
  series.label = label;
  for (const Json& line : lines) {
    series.x.push_back(line.at("step").get<double>());
    series.y.push_back(factor * line.at(field).get<double>());
  }
  return series;
}

}  // namespace

std::filesystem::path writeTrainingPlot(const std::filesystem::path& run,
                                        const std::string& title) {
  const std::vector<Json> lines = readMetrics(run / "metrics.jsonl");
  const std::string step = "step";
  std::vector<Panel> panels;
  auto add = [&](const std::string& y_label, std::vector<Series> series) -> Panel& {
    Panel panel;
    panel.x_label = step;
    panel.y_label = y_label;
    panel.series = std::move(series);
    panels.push_back(std::move(panel));
    return panels.back();
  };
  Series chance = seriesOf(lines, "loss_at_chance", "ln C: chance without a margin");
  chance.style = SeriesStyle::kReference;
  add("loss", {seriesOf(lines, "loss", "loss with the margin"), chance});
  add("accuracy (%)", {seriesOf(lines, "accuracy", "", 100)});
  add("lambda", {seriesOf(lines, "lambda", "")}).log_y = true;
  add("learning rate", {seriesOf(lines, "learning_rate", "")});
  add("images/s", {seriesOf(lines, "images_per_second", "")});
  std::filesystem::path file = run / "plots" / "training.png";
  std::filesystem::create_directories(file.parent_path());
  writeFigure(file, title, panels);
  return file;
}

}  // namespace sphereface
