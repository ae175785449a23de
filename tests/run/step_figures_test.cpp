// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "run/step_figures.h"

#include <gtest/gtest.h>

#include <set>

#include "base/atomic_file.h"
#include "base/error.h"

namespace sphereface {
namespace {

TEST(StepFigures, HaveNamesOfTheirOwn) {
  std::set<std::string_view> names;
  std::set<std::string_view> metrics;
  for (const StepFigure& figure : kStepFigures) {
    EXPECT_TRUE(names.insert(figure.name).second) << figure.name;
    EXPECT_FALSE(figure.help.empty()) << figure.name;
    if (!figure.metric.empty()) {
      EXPECT_TRUE(metrics.insert(figure.metric).second) << figure.metric;
    }
    EXPECT_EQ(figure.chart.empty(), figure.label.empty()) << figure.name;
  }
}

TEST(StepFigures, StandInTheProgressLineWithTheirUnit) {
  EXPECT_EQ(logText(kStepFigures[FigureName("mfu").row], 0.4123), "mfu 41.2 %");
  EXPECT_EQ(logText(kStepFigures[FigureName("learning_rate").row], 0.1), "lr 0.10000");
}

std::string unitText(Unit unit) {
  switch (unit) {
    case Unit::kNumber:
      return "";
    case Unit::kShare:
      return "share";
    case Unit::kSeconds:
      return "s";
    case Unit::kBytes:
      return "bytes";
    case Unit::kCount:
      return "count";
  }
  return "?";
}

std::string intervalText(OverSteps over) {
  switch (over) {
    case OverSteps::kMean:
      return "mean";
    case OverSteps::kSum:
      return "sum";
    case OverSteps::kPerImage:
      return "mean over images";
    case OverSteps::kLast:
      return "newest";
    case OverSteps::kTotal:
      return "since the job's start";
    case OverSteps::kGiven:
      return "measured";
  }
  return "?";
}

TEST(StepFigures, AreInTheDocumentOnMonitoring) {
  const std::string document = readFile(SPHEREFACE_SOURCE "/docs/monitoring.md");
  std::string missing;
  for (const StepFigure& figure : kStepFigures) {
    const std::string metric = figure.metric.empty() ? "" : concat("`", figure.metric, "`");
    const std::string row =
        concat("| `", figure.name, "` | ", figure.help, " | ", unitText(figure.unit), " | ",
               intervalText(figure.over_steps), " | ", metric, " |\n");
    if (document.find(row) == std::string::npos) missing += row;
  }
  EXPECT_EQ(missing, "") << "rows that docs/monitoring.md lacks, or has otherwise";
}

}  // namespace
}  // namespace sphereface
