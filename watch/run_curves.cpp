// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "watch/run_curves.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "run/json_lines.h"
#include "run/run_folder.h"
#include "run/step_figures.h"

namespace sphereface {

RunCurves readRunCurves(const std::filesystem::path& run) {
  const std::filesystem::path file = RunFolder{run}.metrics();
  if (!exists(file)) throw Error(concat("cannot open ", file.string()));
  RunCurves curves;
  curves.values["loss_at_chance"];
  for (const StepFigure& figure : kStepFigures)
    curves.values[std::string(figure.name)];
  JsonLines(file).read([&](Json line) {
    const double step = numberOf(line, "step");
    if (std::isnan(step)) return;
    const auto kept = std::ranges::lower_bound(curves.steps, step) - curves.steps.begin();
    curves.steps.resize(static_cast<size_t>(kept));
    curves.steps.push_back(step);
    for (auto& [name, values] : curves.values) {
      values.resize(static_cast<size_t>(kept));
      values.push_back(numberOf(line, name));
    }
    curves.last = std::move(line);
  });
  if (curves.steps.empty()) throw Error(concat(file.string(), ": no step has been logged yet"));
  return curves;
}

Series RunCurves::series(std::string_view figure, const std::string& label, double factor) const {
  Series series;
  series.label = label;
  series.x = steps;
  for (const double value : values.find(figure)->second)
    series.y.push_back(factor * value);
  return series;
}

std::filesystem::path writeTrainingPlot(const std::filesystem::path& run,
                                        const std::string& title) {
  const RunCurves curves = readRunCurves(run);
  std::vector<Panel> panels;
  auto add = [&](const std::string& y_label, std::vector<Series> series) -> Panel& {
    Panel panel;
    panel.x_label = "step";
    panel.y_label = y_label;
    panel.series = std::move(series);
    panels.push_back(std::move(panel));
    return panels.back();
  };
  Series chance = curves.series("loss_at_chance", "ln C: chance without a margin");
  chance.style = SeriesStyle::kReference;
  add("loss", {curves.series("loss", "loss with the margin"), chance});
  add("accuracy (%)", {curves.series("accuracy", "", 100)});
  const Series lambda = curves.series("lambda", "");
  if (std::any_of(lambda.y.begin(), lambda.y.end(), [](double value) { return value > 0; })) {
    add("lambda", {lambda}).log_y = true;
  } else {
    add("margin", {curves.series("margin", "")});
  }
  add("learning rate", {curves.series("learning_rate", "")});
  add("images/s", {curves.series("images_per_second", "")});
  std::filesystem::path file = RunFolder{run}.plot();
  std::filesystem::create_directories(file.parent_path());
  writeFigure(file, title, panels);
  return file;
}

}  // namespace sphereface
