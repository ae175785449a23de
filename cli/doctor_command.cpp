// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <cstdio>
#include <memory>

#include "base/error.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "doctor/examine.h"
#include "doctor/report.h"

namespace sphereface {
namespace {

struct Options {
  doctor::Request request;
  std::filesystem::path json;
};

void run(const Options& options) {
  const doctor::Request& request = options.request;
  if (request.config.empty() && !request.overrides.empty()) {
    throw UsageError("--set changes a configuration: name one with --config");
  }
  doctor::TextReport report([](const std::string& text) {
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
  });
  doctor::Listener listener;
  listener.group = [&](const std::string& title) { report.group(title); };
  listener.finding = [&](const doctor::Finding& finding) { report.add(finding); };
  const std::vector<doctor::Finding> findings = doctor::examine(request, listener);
  report.finish();
  if (!options.json.empty()) writeJsonFile(options.json, doctor::reportJson(findings));
  const doctor::Counts counts = doctor::countStates(findings);
  std::printf("\n%s\n", doctor::countsText(counts).c_str());
  std::fflush(stdout);
  if (counts.fail > 0) {
    throw Error(
        concat(counts.fail, counts.fail == 1 ? " check" : " checks", " failed (see above)"));
  }
}

}  // namespace

void addDoctorCommand(const Command& app) {
  auto options = std::make_shared<Options>();
  doctor::Request& request = options->request;
  const Command verb =
      app.verb("doctor",
               "Check this machine, a configuration, a data set, a checkpoint, and say what to do");
  verb.option("--config", &request.config, "Training configuration (configs/*.textproto)");
  verb.setting("--workers", {&request.workers, "[1, 4096]"}, "Training ranks, all on this host");
  addOverridesOption(verb, request.overrides);
  verb.option("--lmdb", &request.lmdb,
              "Folder of a packed data set (default: data.lmdb of the configuration)");
  verb.option("--checkpoint", &request.checkpoint,
              "Checkpoint folder, or that of a run: its newest");
  verb.setting("--seconds", {&request.limits.seconds, "(0, 1e6]"},
               "At most so long for reading the records, and for decoding them");
  verb.option("--json", &options->json, "Also write the findings here");
  verb.footer(
      "Example: sphereface doctor --config configs/sphereface20_casia.textproto --workers 8\n"
      "         sphereface doctor --lmdb train.lmdb --json findings.json");
  verb.action([options] { run(*options); });
}

}  // namespace sphereface
