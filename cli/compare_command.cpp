// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <cstdio>
#include <memory>

#include "cli/commands.h"
#include "watch/comparison_page.h"
#include "watch/run_comparison.h"

namespace sphereface {
namespace {

struct Options {
  std::vector<std::filesystem::path> runs;
  std::filesystem::path plot;
  std::filesystem::path json;
  std::filesystem::path report;
};

void run(const Options& options) {
  const std::vector<ComparedRun> runs = readRuns(options.runs);
  std::fputs(comparisonTable(runs).c_str(), stdout);
  if (!options.plot.empty()) writeComparisonPlot(options.plot, runs);
  if (!options.json.empty()) writeJsonFile(options.json, comparisonJson(runs));
  if (!options.report.empty()) writeComparisonPage(options.report, runs);
}

}  // namespace

void addCompareCommand(const Command& app) {
  auto options = std::make_shared<Options>();
  const Command verb = app.verb("compare", "Show several training runs side by side");
  verb.required("runs", &options->runs,
                "Run folders; one that holds lfw.json (evaluate lfw --json), or a line for lfw in "
                "evaluations.jsonl, has a score");
  verb.option("--plot", &options->plot, "Draw their curves into this PNG");
  verb.option("--json", &options->json, "Also write the table here");
  verb.option("--report", &options->report,
              "Write one HTML page with the table, the curves over each other, and where the "
              "configurations differ");
  verb.footer(
      "Example: sphereface compare runs/asoftmax runs/cosface --plot heads.png "
      "--report heads.html");
  verb.action([options] { run(*options); });
}

}  // namespace sphereface
