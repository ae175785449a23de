// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The verbs that show runs from their folders, while they train or later: compare and dashboard.

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/stop_signal.h"
#include "cli/commands.h"
#include "run/run_folder.h"
#include "watch/dashboard_site.h"
#include "watch/http_server.h"
#include "watch/page_token.h"
#include "watch/run_comparison.h"
#include "watch/run_view.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

struct CompareOptions {
  std::vector<fs::path> runs;
  fs::path plot;
  fs::path json;
  fs::path report;
};

void compare(const CompareOptions& options) {
  const std::vector<ComparedRun> runs = readRuns(options.runs);
  std::fputs(comparisonTable(runs).c_str(), stdout);
  if (!options.plot.empty()) writeComparisonPlot(options.plot, runs);
  if (!options.json.empty()) writeJsonFile(options.json, comparisonJson(runs));
  if (!options.report.empty()) writeComparisonPage(options.report, runs);
}

void serveDashboard(const fs::path& run, const std::string& listen, bool with_token) {
  if (!exists(RunFolder{run}.config())) {
    throw Error(concat(run.string(), " is no run folder: it has no config.textproto"));
  }
  RunView view(run);
  const std::string token = with_token ? newPageToken() : "";
  const HttpServer server(listen, "--listen", dashboardSite(view), token);
  catchStopSignals();
  const bool open = token.empty() && !server.loopback();
  std::printf(
      "dashboard of %s at %s%s; SIGTERM or Ctrl-C ends it\n", run.c_str(),
      token.empty() ? (server.url() + "/").c_str() : secretAddress(server.url(), token).c_str(),
      open ? " (open to every host that can reach this one)" : "");
  std::fflush(stdout);
  while (!stopRequested())
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
}

}  // namespace

void addCompareCommand(const Command& app) {
  auto options = std::make_shared<CompareOptions>();
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
  verb.action([options] { compare(*options); });
}

void addDashboardCommand(const Command& app) {
  auto run = std::make_shared<fs::path>();
  auto listen = std::make_shared<std::string>("127.0.0.1:0");
  auto token = std::make_shared<bool>(false);
  const Command verb =
      app.verb("dashboard", "Show a run in a browser, from its folder: while it trains, or later");
  verb.required("run", run.get(), "Run folder");
  verb.setting("--listen", listen.get(),
               "ADDRESS:PORT to serve at; port 0: a free one. Another address than 127.0.0.1 opens "
               "it to whoever can reach it");
  verb.flag(
      "--token", token.get(),
      "Answer only who has the token that is part of the address printed, a new one each time");
  verb.footer("Example: sphereface dashboard runs/quickstart --listen 127.0.0.1:8400");
  verb.action([run, listen, token] { serveDashboard(*run, *listen, *token); });
}

}  // namespace sphereface
