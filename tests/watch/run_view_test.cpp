// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// A run's folder as the dashboard reads it: growing files, thinned curves, the words for what is
// wrong.

#include "watch/run_view.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <numeric>
#include <string>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/temporary_folder.h"
#include "run/run_folder.h"
#include "watch/run_comparison.h"
#include "watch/run_curves.h"

namespace sphereface {
namespace {

void append(const std::filesystem::path& file, const std::string& text) {
  std::ofstream(file, std::ios::app) << text;
}

struct News {
  bool again = false;
  std::vector<Json> lines;
};

News newsOf(JsonLines& lines) {
  News news;
  lines.read([&](Json line) { news.lines.push_back(std::move(line)); }, [&] { news.again = true; });
  return news;
}

TEST(JsonLines, ComeOnceAndWhole) {
  const TemporaryFolder folder;
  const std::filesystem::path file = folder / "lines.jsonl";
  JsonLines lines(file);
  EXPECT_TRUE(newsOf(lines).lines.empty());
  append(file, "{\"a\":1}\nnonsense\n7\n{\"a\":2}\n{\"a\"");
  EXPECT_EQ(newsOf(lines).lines, (std::vector<Json>{{{"a", 1}}, {{"a", 2}}}));
  EXPECT_TRUE(newsOf(lines).lines.empty());
  append(file, ":3}\n");
  News news = newsOf(lines);
  EXPECT_EQ(news.lines, (std::vector<Json>{{{"a", 3}}}));
  EXPECT_FALSE(news.again);
  writeFileAtomically(file, "{\"a\":1}\n{\"b\":9999999999}\n{\"c\":99999999999}\n");
  news = newsOf(lines);
  EXPECT_TRUE(news.again) << "another file of that name";
  EXPECT_EQ(news.lines.size(), 3U);
  std::filesystem::resize_file(file, 8);
  news = newsOf(lines);
  EXPECT_TRUE(news.again) << "the file was cut";
  EXPECT_EQ(news.lines.size(), 1U);
}

/// What no program of this project writes. The reader calls itself for what is in each other, and a
/// page and a training job end with it.
std::string badLines() {
  using namespace std::string_literals;
  std::string lines;
  for (const std::string& line :
       {std::string(100000, '['), std::string(100000, '[') + std::string(100000, ']'),
        "{\"a\":" + std::string(100000, '['), "{\"step\":30,\"event\":\"x\\"s,
        "{\"step\":30,\"event\":\"\xff\",\"benchmark\":\"\xff\"}"s,
        "{\"step\":30,\0\"event\":\"x\",\"benchmark\":\"x\"}"s, "\0"s,
        "{\"step\":1e999,\"event\":\"x\"}"s, ""s, "\r"s,
        "{\"step\":30,\"event\":\"x\",\"benchmark\":\"" + std::string(5 << 20, 'x') + "\"}",
        // JSON, but of other types than anybody expects.
        "{\"step\":\"30\",\"event\":7,\"benchmark\":[],\"loss\":{}}"s,
        "{\"event\":\"straggler\",\"text\":{},\"step\":null,\"protocol\":3}"s,
        "{\"event\":\"straggler\",\"rank\":\"one\",\"slow\":\"yes\"}"s})
    lines += line + "\n";
  return lines;
}

TEST(JsonLines, PassesOverWhatIsNoJsonOrTooLong) {
  const TemporaryFolder folder;
  const std::filesystem::path file = folder / "lines.jsonl";
  JsonLines lines(file);
  append(file, "{\"good\":1}\n" + badLines() + "{\"good\":2}\n");
  std::vector<Json> good = newsOf(lines).lines;
  std::erase_if(good, [](const Json& line) { return !line.contains("good"); });
  EXPECT_EQ(good, (std::vector<Json>{{{"good", 1}}, {{"good", 2}}}));
  // One that never ends, in pieces, is passed over like the others when it does.
  for (int i = 0; i < 6; ++i) {
    append(file, (i == 0 ? "{\"a\":\"" : "") + std::string(1 << 20, 'x'));
    EXPECT_TRUE(newsOf(lines).lines.empty());
  }
  append(file, "\"}\n{\"good\":3}\n");
  EXPECT_EQ(newsOf(lines).lines, (std::vector<Json>{{{"good", 3}}}));
}

TEST(ThinnedTable, KeepsMeansOfEquallyManyRows) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  ThinnedTable table(4);
  for (int i = 1; i <= 9; ++i)
    table.add({static_cast<double>(i), 10.0 * i, i % 2 == 0 ? 1 : nan});
  // Of 9 rows each but the last stands for 4.
  const std::vector<ThinnedTable::Row> want = {{4, 25, 1}, {8, 65, 1}, {9, 90, nan}};
  ASSERT_EQ(table.rows().size(), want.size());
  for (size_t i = 0; i < want.size(); ++i) {
    EXPECT_EQ(table.rows()[i][0], want[i][0]);
    EXPECT_DOUBLE_EQ(table.rows()[i][1], want[i][1]);
    EXPECT_EQ(std::isnan(table.rows()[i][2]), std::isnan(want[i][2]));
  }
}

TEST(ThinnedTable, OfALongRunKeepsItsMeanAndIsBounded) {
  ThinnedTable table(100);
  for (int i = 0; i < 51200; ++i) {
    table.add({static_cast<double>(i), static_cast<double>(i % 10)});
    ASSERT_LE(table.rows().size(), 100U);
  }
  EXPECT_GT(table.rows().size(), 49U);
  double sum = 0;
  for (const ThinnedTable::Row& row : table.rows())
    sum += row[1] / static_cast<double>(table.rows().size());
  EXPECT_NEAR(sum, 4.5, 1e-9);
  EXPECT_EQ(table.rows().back()[0], 51199);
}

class RunViewTest : public ::testing::Test {
 protected:
  void metrics(int first, int lines) const {
    for (int i = first; i < first + lines; ++i) {
      append(run_ / "metrics.jsonl",
             concat(R"({"step":)", 10 * (i + 1), R"(,"loss":)", 5.0 / (i + 1),
                    R"(,"images_per_second":100,"step_seconds":0.5,"rank_work_seconds":[0.1,0.2]})",
                    "\n"));
    }
  }
  void event(const std::string& line) const { append(run_ / "events.jsonl", line + "\n"); }

  const TemporaryFolder run_;
};

TEST_F(RunViewTest, ShowsCurvesFromTheFirstStepThinned) {
  metrics(0, 30000);
  RunView view(run_.path());
  const Json history = view.history();
  const Json& steps = history.at("curves").at("step");
  EXPECT_LE(steps.size(), 1000U);
  EXPECT_GT(steps.size(), 400U);
  EXPECT_LT(steps.front(), 1000);
  EXPECT_EQ(steps.back(), 300000);
  EXPECT_EQ(history.at("curves").at("loss").size(), steps.size());
  EXPECT_TRUE(history.at("curves").at("lambda").front().is_null());
  EXPECT_LE(history.at("ranks").at("work_seconds").size(), 200U);
  EXPECT_EQ(history.at("ranks").at("work_seconds").front(), Json::array({0.1, 0.2}));
  EXPECT_LT(jsonText(history).size(), 300000U);
}

TEST_F(RunViewTest, FollowsAResumedRunBackToItsCheckpoint) {
  metrics(0, 4);
  RunView view(run_.path());
  EXPECT_EQ(view.history().at("curves").at("step"), Json::array({10, 20, 30, 40}));
  const std::string all = readFile(run_ / "metrics.jsonl");
  writeFileAtomically(run_ / "metrics.jsonl", all.substr(0, all.find('\n') + 1));
  EXPECT_EQ(view.history().at("curves").at("step"), Json::array({10}));
  EXPECT_EQ(view.state().at("last").at("step"), 10);
}

TEST_F(RunViewTest, KnowsHowARunEnded) {
  RunView view(run_.path());
  event(R"({"time":1,"event":"start","text":"","steps":100})");
  EXPECT_EQ(view.state().at("state"), "gone");
  EXPECT_EQ(view.state().at("problems").at(0).at("title"), "The job is gone");
  {
    const RunLock lock(run_.path());
    EXPECT_EQ(view.state().at("state"), "training");
  }
  event(R"({"time":2,"event":"lost","text":"rank 2@there was ended by signal 9"})");
  EXPECT_EQ(view.state().at("state"), "failed");
  const Json problem = view.state().at("problems").at(0);
  EXPECT_EQ(problem.at("critical"), true);
  EXPECT_TRUE(problem.at("text").get<std::string>().starts_with("rank 2@there was ended"));
  event(R"({"time":3,"event":"start","text":"","steps":100})");
  event(R"({"time":4,"event":"end","text":""})");
  EXPECT_EQ(view.state().at("state"), "ended");
  EXPECT_TRUE(view.state().at("problems").empty());
  EXPECT_EQ(view.state().at("events").size(), 4U);
}

TEST_F(RunViewTest, TakesTheNewestScoresAndPassesOverNonsense) {
  append(run_ / "evaluations.jsonl", R"({"step":10,"benchmark":"lfw","protocol":"a","roc":[[0,1]]}
{"step":20,"benchmark":"lfw","protocol":"a","accuracy_mean":0.5}
{"step":20,"benchmark":7}
{"step":20,"benchmark":"lfw","protocol":[]}
{"step":30,"benchmark":"megaface"}
{"step":40,"benchm)");
  RunView view(run_.path());
  const Json scores = view.evaluations();
  ASSERT_EQ(scores.at("newest").size(), 2U);
  EXPECT_EQ(scores.at("newest").at(0).at("step"), 20);
  EXPECT_EQ(scores.at("newest").at(1).at("benchmark"), "megaface");
  EXPECT_EQ(scores.at("all").size(), 3U);
}

TEST_F(RunViewTest, PassesOverBadLinesOfEachFile) {
  const auto spoil = [&] {
    for (const char* file : {"metrics.jsonl", "events.jsonl", "evaluations.jsonl"})
      append(run_ / file, badLines());
  };
  spoil();
  metrics(0, 2);
  event(R"({"time":1,"event":"start","text":"","steps":100})");
  append(run_ / "evaluations.jsonl", R"({"step":10,"benchmark":"lfw","roc":[[0,1],7]})"
                                     "\n");
  RunView view(run_.path());
  const RunLock lock(run_.path());
  EXPECT_EQ(view.state().at("last").at("step"), 20);
  spoil();
  metrics(2, 1);
  append(run_ / "metrics.jsonl", R"({"step":40,"rank_work_seconds":{"a":1},"loss":"none"})"
                                 "\n"
                                 R"({"step":50,"lo)");
  const Json state = view.state();
  EXPECT_EQ(state.at("state"), "training");
  EXPECT_EQ(state.at("last").at("step"), 40);
  EXPECT_EQ(state.at("start").at("steps"), 100);
  EXPECT_EQ(view.history().at("curves").at("step"), Json::array({10, 20, 30, 40}));
  const Json scores = view.evaluations().at("newest");
  ASSERT_EQ(scores.size(), 1U);
  EXPECT_FALSE(scores.at(0).contains("roc")) << "the page draws only what has two numbers a point";
}

TEST_F(RunViewTest, ComparisonAndPlotPassOverBadLinesOrNameThem) {
  const auto line = [&](int step) {
    append(run_ / "metrics.jsonl",
           concat(R"({"step":)", step,
                  R"(,"loss":2,"accuracy":0.5,"target_cosine":0.1,"images_per_second":7})", "\n"));
  };
  append(run_ / "metrics.jsonl", badLines());
  line(10);
  append(run_ / "metrics.jsonl", badLines());
  append(run_ / "metrics.jsonl", R"({"step":20,"loss":[]})"
                                 "\n");
  line(30);
  append(run_ / "evaluations.jsonl", badLines());
  append(run_ / "evaluations.jsonl", R"({"benchmark":"lfw","accuracy_mean":"x","accuracy_std":1})"
                                     "\n");
  writeFileAtomically(run_ / "config.textproto",
                      "name: \"a\" data { lmdb: \"a.lmdb\" } network { name: \"sphereface-4\" } "
                      "solver { steps: 50 }");
  const std::vector<ComparedRun> runs = readRuns({run_.path()});
  EXPECT_EQ(runs.at(0).curves.steps.size(), 3U);
  EXPECT_EQ(runs.at(0).row.at("images_per_second"), 7);
  EXPECT_FALSE(runs.at(0).row.contains("lfw"));
  writeComparisonPlot(run_ / "compared.png", runs);
  writeComparisonPage(run_ / "compared.html", runs);
  EXPECT_TRUE(exists(writeTrainingPlot(run_.path(), "a run")));
  const auto complaint = [&] {
    try {
      readRuns({run_.path()});
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  writeFileAtomically(run_ / "lfw.json", std::string(100000, '['));
  EXPECT_NE(complaint().find("lfw.json"), std::string::npos) << complaint();
  writeFileAtomically(run_ / "lfw.json", "{\"accuracy_mean\":\"x\"}");
  EXPECT_NE(complaint().find("lfw.json"), std::string::npos) << complaint();
  append(run_ / "metrics.jsonl", R"({"step":40})"
                                 "\n");
  EXPECT_NE(complaint().find("metrics.jsonl: no loss"), std::string::npos) << complaint();
}

// ---------------------------------------------------------------------------------------- health

RunFacts healthy() {
  RunFacts facts;
  facts.now = 1000;
  facts.last = {{"step_seconds", 0.5}, {"images_per_second", 100}, {"loader_share", 0.01}};
  facts.usual_rate = facts.recent_rate = 100;
  facts.checkpoint_every = 100;
  LiveStatus live;
  live.time = live.last_step = live.last_checkpoint = 1000;
  live.heartbeats = true;
  live.workers.resize(2);
  for (int rank : {1, 2}) {
    live.workers[static_cast<size_t>(rank - 1)].rank = rank;
    live.workers[static_cast<size_t>(rank - 1)].host = "there";
  }
  facts.live = live;
  return facts;
}

/// The titles, critical ones with a "!".
std::string titles(const RunFacts& facts) {
  std::string text;
  for (const Problem& problem : problemsOf(facts))
    text += concat(problem.critical ? "!" : "", problem.title, ". ");
  return text;
}

TEST(RunHealth, FindsNothingWrongWithAHealthyRun) {
  EXPECT_EQ(titles(healthy()), "");
}

TEST(RunHealth, NamesASilentWorkerAlsoWhenTheCoordinatorIsPaused) {
  RunFacts facts = healthy();
  facts.live->workers[1].ago = std::chrono::seconds(7);
  EXPECT_EQ(titles(facts), "!A worker is silent. ");
  EXPECT_NE(problemsOf(facts)[0].text.find("rank 2@there has been silent for 7 s"),
            std::string::npos);
  facts.live->heartbeats = false;
  EXPECT_EQ(titles(facts), "") << "in a long step, for all one knows";
  facts = healthy();
  facts.live->time -= 8;
  EXPECT_EQ(titles(facts), "!2 workers are silent. ");
}

TEST(RunHealth, NamesWhatHoldsARunUp) {
  RunFacts facts = healthy();
  facts.live->last_step -= 40;
  EXPECT_EQ(titles(facts), "!No progress. ");
  facts.last["step_seconds"] = 10;
  EXPECT_EQ(titles(facts), "") << "four steps' time";
  facts = healthy();
  facts.live->last_checkpoint -= 200;
  EXPECT_EQ(titles(facts), "The newest checkpoint is old. ");
  facts = healthy();
  facts.last["loader_share"] = 0.35;
  EXPECT_EQ(titles(facts), "Waiting for images. ");
  facts = healthy();
  facts.last["communication_share"] = 0.5;
  EXPECT_EQ(titles(facts), "Waiting for gradients. ");
  facts = healthy();
  facts.recent_rate = 50;
  EXPECT_EQ(titles(facts), "Slower than before. ");
}

TEST(RunHealth, GoesByTheEventsToo) {
  RunFacts facts = healthy();
  facts.events = {{{"event", "start"}},
                  {{"event", "straggler"}, {"rank", 2}, {"slow", true}, {"text", "rank 2 is slow"}},
                  {{"event", "skipped"}, {"time", 900}, {"text", "step 7 diverged"}},
                  {{"event", "stuck"}, {"text", "the loss stays"}}};
  EXPECT_EQ(titles(facts), "A worker is slow. The network isn't learning. A step diverged. ");
  facts.events.push_back({{"event", "straggler"}, {"rank", 2}, {"slow", false}});
  facts.now += 1e6;
  facts.live.reset();
  EXPECT_EQ(titles(facts), "The network isn't learning. ");
  facts.state = RunState::kGone;
  EXPECT_EQ(titles(facts), "!The job is gone. ");
  facts.events = {{{"event", "start"}}, {{"event", "skipped"}, {"text", "step 7 diverged"}}};
  EXPECT_EQ(titles(facts), "!Training diverged. ");
}

}  // namespace
}  // namespace sphereface
