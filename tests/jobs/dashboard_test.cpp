// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// A real job of two workers, looked at with a real browser. With SPHEREFACE_KEEP_PAGES, a folder,
// screenshots stay there to be looked at.

#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/json.h"
#include "base/temporary_folder.h"
#include "proto/text_format.h"
#include "tests/support/browser.h"
#include "tests/support/job_processes.h"
#include "tests/support/job_support.h"
#include "watch/run_monitor.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;
using testing::Browser;
using testing::Job;
using testing::Process;

/// Scores as evaluations append them, of numbers made up.
constexpr const char* kScores =
    R"({"time":1,"step":20,"checkpoint":"step-00000020","benchmark":"lfw","protocol":"<b>sphereface</b>","accuracy_mean":0.9125,"accuracy_std":0.004,"auc":0.97,"eer":0.08,"tar_at_far":{"1e-3":0.61},"pairs":6000,"roc":[[0,0.4],[0.001,0.61],[0.01,0.8],[0.1,0.93],[1,1]]}
{"time":2,"step":20,"checkpoint":"step-00000020","benchmark":"megaface","rank1":0.55,"tar_at_far":{"1e-6":0.41,"1e-7":null},"reasons":{"tar_at_far.1e-7":"needs 10000000 scores, has 1000000"},"distractors":1000,"roc":[[0.000001,0.41],[0.001,0.7],[1,1]]}
)";

class Dashboard : public Job {
 protected:
  void SetUp() override {
    if (!Browser::available()) GTEST_SKIP() << "no chromium with chromedriver, or no curl";
  }

  /// The address in "dashboard http://...".
  static std::string urlIn(const std::string& output) {
    const size_t begin = output.find("http://");
    return begin == std::string::npos ? ""
                                      : output.substr(begin, output.find('/', begin + 7) - begin);
  }

  /// Where screenshots go.
  static fs::path shots(const TemporaryFolder& otherwise) {
    const char* keep = std::getenv("SPHEREFACE_KEEP_PAGES");
    return keep != nullptr ? fs::path(keep) : otherwise.path();
  }

  /// In light and dark, wide and narrow; the page must not be wider than the window.
  static void takeShots(Browser& browser, const fs::path& folder, const std::string& name) {
    for (const bool dark : {false, true}) {
      for (const int width : {1280, 390}) {
        browser.show(width, 800, dark);
        EXPECT_TRUE(waitUntil([&] {
          return browser.run("return document.documentElement.scrollWidth") == width;
        })) << name
            << " is wider than " << width;
        browser.screenshot(folder / concat(name, width, dark ? "-dark" : "-light", ".png"));
      }
    }
  }

  static Json points(Browser& browser, const std::string& chart, int curve = 0) {
    return browser.run(concat("const set = charts.", chart, ".data.datasets[", curve,
                              "]; return set ? set.data : [];"));
  }

  static std::string text(Browser& browser, const std::string& id) {
    return browser.run(concat("return document.getElementById('", id, "').innerText;")).text();
  }
};

TEST_F(Dashboard, ShowsARunInTrainingAndSaysWhenAWorkerIsStopped) {
  const TemporaryFolder folder;
  Process job(trainLine("run", 2,
                        {"--set", "solver.steps=1000000", "--set", "checkpoint.every_steps=100",
                         "--set", "solver.batch_size=64", "--set", "coordinator.log_every_steps=20",
                         "--set", "solver.base_learning_rate=0.02"}));
  ASSERT_TRUE(hasCheckpoint("run")) << job.output();
  const testing::JobProcesses processes = testing::jobProcesses(folder_ / "run");
  std::ofstream(folder_ / "run" / "evaluations.jsonl") << kScores;
  Browser browser;
  browser.open(urlIn(job.output().substr(job.output().find("dashboard "))));

  // It learns, and the page shows it from the first interval on.
  ASSERT_TRUE(waitUntil([&] {
    const Json loss = points(browser, "loss");
    return loss.size() > 3 && loss.back().at("y") < 0.8 * loss.front().at("y").get<double>();
  })) << points(browser, "loss");
  EXPECT_EQ(points(browser, "loss").front().at("x"), 20);
  EXPECT_GT(points(browser, "throughput").back().at("y"), 0);
  EXPECT_EQ(browser.run("return charts.parts.data.datasets.length"), 7);
  EXPECT_EQ(text(browser, "state"), "training");
  EXPECT_EQ(browser.run("return document.querySelectorAll('.problem.critical').length"), 0);
  EXPECT_TRUE(waitUntil([&] { return text(browser, "scores").find("0.97") != std::string::npos; }));
  EXPECT_NE(text(browser, "scores").find("<b>sphereface</b>"), std::string::npos);
  EXPECT_NE(text(browser, "scores").find("n/a: needs 10000000 scores"), std::string::npos);
  EXPECT_EQ(points(browser, "roc", 0).size(), 4U) << "all but the point at FAR 0";
  EXPECT_NE(text(browser, "events").find("checkpoint"), std::string::npos);
  takeShots(browser, shots(folder), "training");

  // A reload shows the same history.
  browser.run("location.reload()");
  EXPECT_TRUE(waitUntil([&] {
    const Json loss = points(browser, "loss");
    return loss.size() > 3 && loss.front().at("x") < 0.1 * loss.back().at("x").get<double>();
  }));

  ::kill(processes.worker(2), SIGSTOP);
  EXPECT_TRUE(waitUntil([&] {
    return text(browser, "problems").starts_with("A worker is silent\nrank 2@");
  })) << text(browser, "problems");
  takeShots(browser, shots(folder), "stopped");
  ::kill(processes.worker(2), SIGCONT);
  EXPECT_TRUE(waitUntil([&] {
    return text(browser, "problems").find("silent") == std::string::npos;
  })) << text(browser, "problems");
  EXPECT_EQ(browser.complaints(), "");

  // After the run the page says that nobody answers, and the folder shows what it showed.
  job.signal(SIGTERM);
  ASSERT_EQ(job.wait(60), 85) << job.output();
  EXPECT_TRUE(waitUntil([&] { return text(browser, "state") == "unreachable"; }));
  const Process later({testing::program("sphereface"), "dashboard", (folder_ / "run").string()});
  ASSERT_TRUE(waitUntil([&] { return !urlIn(later.output()).empty(); })) << later.output();
  browser.complaints();  // of the server that went
  browser.open(urlIn(later.output()));
  EXPECT_TRUE(waitUntil([&] { return text(browser, "state") == "stopped"; }));
  EXPECT_TRUE(waitUntil([&] { return points(browser, "loss").size() > 3U; }));
  takeShots(browser, shots(folder), "ended");
  EXPECT_EQ(browser.complaints(), "");
}

/// A page and its metrics on a host with other users, of a run whose names and texts mean mischief.
TEST_F(Dashboard, IsReadByItsTokenAloneAndShowsTextsAsTexts) {
  const std::string evil =
      "<script>document.title='owned'</script><img src=x onerror=\"document."
      "title='owned'\">'\"&amp;`${1}\u2028\x1b[31m\x01";
  const fs::path run = folder_ / "<img src=x onerror=document.title='owned'>'&quot;";
  fs::create_directory(run);
  TrainConfig train;
  train.set_name("plain");  // as it must be
  train.mutable_data()->set_lmdb(evil);
  train.mutable_network()->set_name("sphereface-4");
  train.mutable_solver()->set_steps(9);
  writeFileAtomically(run / "config.textproto", printText(train));
  std::ofstream(run / "events.jsonl")
      << jsonText({{"time", 1},
                   {"event", "start"},
                   {"text", evil},
                   {"network", evil},
                   {"head", evil},
                   {"steps", 9},
                   {"classes", evil},
                   {"workers", evil}})
      << "\n"
      << jsonText({{"time", 2}, {"event", evil}, {"text", evil}}) << "\n"
      << jsonText({{"time", 3}, {"event", "slow_link"}, {"text", evil}}) << "\n";
  std::ofstream(run / "evaluations.jsonl")
      << jsonText({{"time", 1},
                   {"step", 2},
                   {"benchmark", evil},
                   {"protocol", evil},
                   {"auc", 0.5},
                   {"tar_at_far", {{evil, 0.25}}},
                   {"roc", Json::array({Json::array({0.1, 0.2})})}})
      << "\n";
  RunIdentity identity;
  identity.name = evil;
  CoordinatorConfig config;
  config.set_listen_token(true);
  RunMonitor monitor(run, config, identity);
  LastHeard worker;
  worker.rank = 1;
  worker.host = worker.doing = evil;
  monitor.workers({worker}, true);
  const std::string secret = monitor.secretUrl();
  const std::string url = secret.substr(0, secret.find('?'));

  Browser browser;
  browser.open(url);
  EXPECT_NE(browser.run("return document.body.innerText").text().find("this needs the token"),
            std::string::npos);
  browser.open(url + "?token=" + std::string(32, '0'));
  EXPECT_EQ(browser.run("return document.querySelectorAll('canvas').length"), 0);
  browser.complaints();  // that both were refused

  browser.open(secret);
  ASSERT_TRUE(waitUntil([&] { return text(browser, "state") == "training"; }));
  EXPECT_EQ(browser.run("return location.href"), url) << "the address shows no token";
  EXPECT_EQ(browser.run("return document.cookie"), "") << "no script has it";
  EXPECT_EQ(browser.run("return fetch('/metrics').then((answer) => answer.status)"), 200);
  browser.run("location.reload()");
  ASSERT_TRUE(waitUntil([&] { return text(browser, "state") == "training"; }));
  ASSERT_TRUE(waitUntil([&] { return text(browser, "scores").find("TAR") != std::string::npos; }));

  for (const char* id : {"subtitle", "problems", "workers", "events", "scores"})
    EXPECT_NE(text(browser, id).find("<script>document.title='owned'</script><img"),
              std::string::npos)
        << id << ": " << text(browser, id);
  EXPECT_NE(text(browser, "footer").find("<img src=x"), std::string::npos);
  EXPECT_EQ(browser.run("return document.querySelectorAll('body script, img').length"), 0);
  EXPECT_NE(browser.run("return document.title"), "owned");
  EXPECT_EQ(browser.complaints(), "") << "nor did its policy have to stop anything";
}

/// Two short runs in one page that comes from a file.
TEST_F(Dashboard, ComparesRunsInOnePage) {
  for (const char* rate : {"0.01", "0.02"}) {
    const testing::Finished done = testing::runCommand(trainLine(
        concat("rate <", rate, ">"), 1,
        {"--set", "solver.steps=60", "--set", concat("solver.base_learning_rate=", rate)}));
    ASSERT_EQ(done.code, 0) << done.output;
  }
  const fs::path page = folder_ / "compared.html";
  const testing::Finished made = testing::runCommand(
      {testing::program("sphereface"), "compare", (folder_ / "rate <0.01>").string(),
       (folder_ / "rate <0.02>").string(), "--report", page.string()});
  ASSERT_EQ(made.code, 0) << made.output;
  Browser browser;
  browser.open("file://" + page.string());
  EXPECT_EQ(browser.run("return charts.length"), 6);
  EXPECT_EQ(browser.run("return charts[2].data.datasets.length"), 2);
  EXPECT_EQ(browser.run("return charts[2].data.datasets[0].data.length"), 15);
  EXPECT_NE(text(browser, "runs").find("rate <0.02>"), std::string::npos);
  EXPECT_NE(text(browser, "differences").find("solver.base_learning_rate"), std::string::npos);
  const TemporaryFolder folder;
  takeShots(browser, shots(folder), "compared");
  EXPECT_EQ(browser.run("return performance.getEntriesByType('resource').length"), 0)
      << "fetches nothing";
  EXPECT_EQ(browser.complaints(), "");
}

}  // namespace
}  // namespace sphereface
