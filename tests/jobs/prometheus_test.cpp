// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The files of watch/prometheus and watch/grafana, with a real Prometheus that scrapes a
// real job of two workers.

#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/pattern.h"
#include "tests/support/job_processes.h"
#include "tests/support/job_support.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;
using testing::Finished;
using testing::Job;
using testing::Process;
using testing::runCommand;

const fs::path kFiles = SPHEREFACE_SOURCE "/watch";

std::string replaced(const std::string& text, const std::string& pattern, const std::string& by) {
  std::string done;
  std::string rest = text;
  for (std::vector<std::string> found; !(found = findPattern(pattern, rest)).empty();) {
    const size_t at = rest.find(found[0]);
    done += rest.substr(0, at) + by;
    rest.erase(0, at + found[0].size());
  }
  EXPECT_FALSE(done.empty()) << pattern;
  return done + rest;
}

class Prometheus : public Job {
 protected:
  void SetUp() override {
    if (std::system("command -v prometheus >/dev/null && command -v promtool >/dev/null && "
                    "command -v curl >/dev/null") != 0)
      GTEST_SKIP() << "no prometheus or no curl";
  }

  /// What the server answers to a path of its API, the query being `query`.
  static Json ask(const std::string& url, const std::string& path, const std::string& query = "") {
    const Finished got = runCommand(
        {"curl", "-s", "-G", url + "/api/v1/" + path, "--data-urlencode", "query=" + query});
    return tryParseJson(got.output);
  }

  static size_t samples(const std::string& url, const std::string& query) {
    const Json answer = ask(url, "query", query);
    if (answer.is_discarded() || answer.value("status", "") != "success") return 0;
    return answer.at("data").at("result").size();
  }
};

TEST_F(Prometheus, FindsConfigurationsAndRulesRight) {
  for (const char* config : {"prometheus.yml", "prometheus_static.yml"}) {
    const Finished checked =
        runCommand({"promtool", "check", "config", (kFiles / "prometheus" / config).string()});
    EXPECT_EQ(checked.code, 0) << checked.output;
  }
  const Finished tested = runCommand(
      {"promtool", "test", "rules", (kFiles / "prometheus" / "alerts_test.yml").string()});
  EXPECT_EQ(tested.code, 0) << tested.output;
}

TEST_F(Prometheus, ScrapesAJobAndAlertsOfAStoppedWorker) {
  Process job(
      trainLine("run", 2,
                {"--set", "solver.steps=1000000", "--set", "checkpoint.every_steps=100", "--set",
                 "solver.batch_size=64", "--set", "coordinator.log_every_steps=20"}));
  ASSERT_TRUE(hasCheckpoint("run")) << job.output();
  const testing::JobProcesses processes = testing::jobProcesses(folder_ / "run");
  // Newest scores become metrics, too.
  writeFileAtomically(folder_ / "run" / "evaluations.jsonl",
                      "{\"step\":20,\"benchmark\":\"lfw\",\"accuracy_mean\":0.9}\n");

  // The files as they are, but with the shortest intervals, and this run.
  fs::create_directory(folder_ / "targets");
  std::string config = readFile(kFiles / "prometheus" / "prometheus.yml");
  config = replaced(config, "interval: 5s", "interval: 1s");
  config = replaced(config, "runs/sphereface/", "run/");
  writeFileAtomically(folder_ / "prometheus.yml", config);
  writeFileAtomically(
      folder_ / "alerts.yml",
      replaced(readFile(kFiles / "prometheus" / "alerts.yml"), "for: [0-9]+[sm]", "for: 1s"));
  std::string log;
  Process server({"prometheus", "--config.file", (folder_ / "prometheus.yml").string(),
                  "--storage.tsdb.path", (folder_ / "tsdb").string(), "--web.listen-address",
                  "127.0.0.1:0"});
  std::vector<std::string> listening;
  ASSERT_TRUE(waitUntil([&] {
    log = server.output();
    listening = findPattern("\"Listening on\" address=(127.0.0.1:[0-9]+)", log);
    return !listening.empty();
  })) << log;
  const std::string url = concat("http://", listening[1]);
  ASSERT_TRUE(waitUntil([&] { return samples(url, "sphereface_loss") == 1; })) << server.output();
  EXPECT_TRUE(
      waitUntil([&] { return samples(url, "rate(sphereface_steps_total[10s]) > 0") == 1; }));
  EXPECT_EQ(samples(url, "sphereface_run_info{run=\"job\"}"), 1U) << "the label of its targets";

  // Each panel of the Grafana dashboard has something to show.
  const Json dashboard = readJsonFile(kFiles / "grafana" / "sphereface.json");
  for (const Json& panel : dashboard.at("panels")) {
    for (const Json& target : panel.at("targets")) {
      const std::string query = replaced(target.at("expr").text(), "\\$instance", ".*");
      EXPECT_TRUE(waitUntil([&] { return samples(url, query) > 0; }))
          << panel.at("title") << ": " << query << ": " << ask(url, "query", query);
    }
  }

  const auto firing = [&] {
    std::string names;
    const Json alerts = ask(url, "alerts").at("data").at("alerts");
    for (const Json& alert : alerts) {
      if (alert.at("state") == "firing") names += alert.at("labels").at("alertname").text();
    }
    return names;
  };
  EXPECT_EQ(firing().find("SpherefaceWorkerSilent"), std::string::npos);
  ::kill(processes.worker(2), SIGSTOP);
  EXPECT_TRUE(waitUntil([&] {
    return firing().find("SpherefaceWorkerSilent") != std::string::npos;
  })) << ask(url, "alerts");
  ::kill(processes.worker(2), SIGCONT);
  EXPECT_TRUE(
      waitUntil([&] { return firing().find("SpherefaceWorkerSilent") == std::string::npos; }));

  // The job's end is no alert: it takes its address out of its folder.
  job.signal(SIGTERM);
  ASSERT_EQ(job.wait(60), 85) << job.output();
  EXPECT_TRUE(waitUntil([&] { return samples(url, "up{job=\"sphereface\"}") == 0; }));
  EXPECT_TRUE(waitUntil([&] { return firing().empty(); })) << firing();
}

}  // namespace
}  // namespace sphereface
