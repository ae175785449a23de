// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// `sphereface dashboard`: a run's dashboard from its folder, also after the run.

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <thread>

#include "base/error.h"
#include "base/stop_signal.h"
#include "cli/commands.h"
#include "run/run_folder.h"
#include "watch/dashboard_site.h"
#include "watch/http_server.h"
#include "watch/run_view.h"

namespace sphereface {
namespace {

struct Options {
  std::filesystem::path run;
  std::string listen = "127.0.0.1:0";
};

void run(const Options& options) {
  if (!exists(RunFolder{options.run}.config())) {
    throw Error(concat(options.run.string(), " is no run folder: it has no config.textproto"));
  }
  RunView view(options.run);
  const HttpServer server(options.listen, "--listen", dashboardSite(view));
  catchStopSignals();
  std::printf("dashboard of %s at %s/%s; SIGTERM or Ctrl-C ends it\n", options.run.c_str(),
              server.url().c_str(),
              server.loopback() ? "" : " (open to every host that can reach this one)");
  std::fflush(stdout);
  while (!stopRequested())
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
}

}  // namespace

void addDashboardCommand(const Command& app) {
  auto options = std::make_shared<Options>();
  const Command verb =
      app.verb("dashboard", "Show a run in a browser, from its folder: while it trains, or later");
  verb.required("run", &options->run, "Run folder");
  verb.setting("--listen", &options->listen,
               "ADDRESS:PORT to serve at; port 0: a free one. Another address than 127.0.0.1 opens "
               "it to whoever can reach it");
  verb.footer("Example: sphereface dashboard runs/quickstart --listen 127.0.0.1:8400");
  verb.action([options] { run(*options); });
}

}  // namespace sphereface
