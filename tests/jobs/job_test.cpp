// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Whole jobs that nothing happens to.

#include <gtest/gtest.h>
#include <sched.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/json.h"
#include "base/parallel.h"
#include "data/sample_order.h"
#include "model/checkpoint.h"
#include "tests/support/job_processes.h"
#include "tests/support/job_support.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;
using testing::Finished;
using testing::Job;
using testing::JobProcesses;
using testing::jobProcesses;
using testing::program;
using testing::runCommand;

std::vector<float> floatsOf(const std::string& bytes) {
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

void expectNear(const std::string& a, const std::string& b, float allowed) {
  const std::vector<float> x = floatsOf(a);
  const std::vector<float> y = floatsOf(b);
  ASSERT_EQ(x.size(), y.size());
  for (size_t k = 0; k < x.size(); ++k)
    ASSERT_NEAR(x[k], y[k], allowed) << k;
}

TEST_F(Job, GlobalBatchesDontDependOnTheNumberOfWorkers) {
  const Finished one = runCommand(trainLine("one", 1));
  ASSERT_EQ(one.code, 0) << one.output;
  const Finished three = runCommand(trainLine("three", 3));
  ASSERT_EQ(three.code, 0) << three.output;
  const std::string records = readFile(folder_ / "one" / "records.tsv");
  EXPECT_EQ(records, readFile(folder_ / "three" / "records.tsv"));

  // And they are the sample order's, counted up without gap or repetition.
  SampleOrder order(kIdentities * kImages, 1);
  std::istringstream lines(records);
  uint64_t position = 0;
  for (uint64_t step = 0; step < 12; ++step) {
    uint64_t value = 0;
    ASSERT_TRUE(lines >> value);
    EXPECT_EQ(value, step);
    for (int i = 0; i < 13; ++i) {
      ASSERT_TRUE(lines >> value);
      EXPECT_EQ(value, order.record(position++)) << "step " << step;
    }
  }
  EXPECT_FALSE(lines >> position);

  // The same batches make the same losses, to rounding.
  const Json a = readJsonFile(folder_ / "one" / "summary.json");
  const Json b = readJsonFile(folder_ / "three" / "summary.json");
  EXPECT_EQ(b.at("world_size"), 3);
  EXPECT_NEAR(a.at("loss_first").get<double>(), b.at("loss_first").get<double>(), 1e-5);
  EXPECT_NEAR(a.at("loss_last").get<double>(), b.at("loss_last").get<double>(), 1e-2);
}

TEST_F(Job, EveryHeadTrains) {
  for (const std::string head : {"type: COSFACE scale: 24 margin: 0.3 margin_warmup_steps: 6",
                                 "type: SPHEREFACE_R_V2 mhe_weight: 0.1 streaming: true"}) {
    std::string text = readFile(folder_ / "config.textproto");
    const std::string published = "lambda { base: 100 gamma: 0.5 minimum: 5 }";
    text.replace(text.find(published), published.size(), head);
    writeFileAtomically(folder_ / "heads.textproto", text);
    const std::string run = concat("head-", head.size());
    const Finished finished = runCommand({program("sphereface"), "train", "--config",
                                          (folder_ / "heads.textproto").string(), "--run",
                                          (folder_ / run).string(), "--workers", "2"});
    ASSERT_EQ(finished.code, 0) << finished.output;
  }
}

TEST_F(Job, LogsAsJsonWhenAskedFor) {
  const Finished done = runCommand(trainLine("json", 2, {"--log-format", "json"}));
  ASSERT_EQ(done.code, 0) << done.output;
  std::map<std::string, Json> newest;  // by event
  std::istringstream lines(done.output);
  for (std::string text; std::getline(lines, text);) {
    const Json line = tryParseJson(text);
    ASSERT_FALSE(line.is_discarded()) << text;
    newest[line.at("event").text()] = line;
  }
  EXPECT_EQ(newest.at("step").at("step"), 12);
  EXPECT_TRUE(newest.at("step").at("who").get<std::string>().starts_with("rank 0@"));
  EXPECT_TRUE(newest.at("worker").at("pid").is_number_unsigned());
  EXPECT_EQ(newest.at("trained").at("steps"), 12);
  const std::string log = readFile(folder_ / "json" / "log.txt");
  EXPECT_NE(done.output.find(log), std::string::npos) << log;
}

TEST_F(Job, TrainsAndSaysWhatItDid) {
  // By the exact gradient: the published one's part along x doesn't shrink with psi' and makes some
  // small runs diverge once embeddings are long.
  const Finished done =
      runCommand(trainLine("learn", 2,
                           {"--set", "solver.steps=150", "--set", "head.gradient=EXACT", "--set",
                            "checkpoint.initial=true"}));
  ASSERT_EQ(done.code, 0) << done.output;
  EXPECT_NE(done.output.find("beside ln C = 1.79"), std::string::npos) << done.output;
  const Json summary = readJsonFile(folder_ / "learn" / "summary.json");
  for (const char* field :
       {"images_per_second", "steps", "loss_first", "loss_last", "world_size"}) {
    EXPECT_TRUE(summary.contains(field)) << field;
  }
  EXPECT_NEAR(summary.at("loss_first").get<double>(), std::log(kIdentities), 0.8);
  EXPECT_LT(summary.at("loss_last").get<double>(), 0.6) << done.output;
  EXPECT_EQ(listCheckpoints(folder_ / "learn").size(), 2U);
  std::ifstream metrics(folder_ / "learn" / "metrics.jsonl");
  std::string line;
  int lines = 0;
  for (; std::getline(metrics, line); ++lines) {
    const Json entry = parseJson(line);
    EXPECT_TRUE(entry.contains("loss") && entry.contains("lambda") && entry.contains("step"));
  }
  EXPECT_EQ(lines, 150 / 4 + 1);
}

TEST_F(Job, AResumedRunEndsWithTheBitsOfTheUnbrokenOne) {
  const std::vector<std::string> every = {"--set", "checkpoint.every_steps=5"};
  ASSERT_EQ(runCommand(trainLine("unbroken", 2, every)).code, 0);
  fs::create_directories(folder_ / "resumed" / "checkpoints");
  fs::copy(checkpointFolder(folder_ / "unbroken", 5), checkpointFolder(folder_ / "resumed", 5));
  const Finished resumed = runCommand(
      trainLine("resumed", 2, {"--resume", "auto", "--set", "checkpoint.every_steps=5"}));
  ASSERT_EQ(resumed.code, 0) << resumed.output;
  EXPECT_NE(resumed.output.find("training from step 5"), std::string::npos) << resumed.output;
  EXPECT_TRUE(parameters("unbroken", 12) == parameters("resumed", 12));
  EXPECT_TRUE(momentum("unbroken", 12) == momentum("resumed", 12));
}

TEST_F(Job, ReproducibleModeTrainsTheSameBitsWithAnyNumberOfWorkers) {
  std::string expected;
  for (const int workers : {1, 2, 4}) {
    const std::string run = concat("bits-", workers);
    const Finished done = runCommand(trainLine(
        run, workers,
        {"--set", "solver.reproducible_shards=4", "--set", "solver.batch_size=12", "--set",
         "solver.iter_size=2", "--set", "solver.clip_gradients=1", "--set", "solver.steps=8"}));
    ASSERT_EQ(done.code, 0) << done.output;
    const std::string bits = parameters(run, 8);
    if (expected.empty()) expected = bits;
    EXPECT_TRUE(bits == expected) << workers << " workers";
    EXPECT_EQ(readFile(folder_ / run / "records.tsv"),
              readFile(folder_ / "bits-1" / "records.tsv"));
  }
}

TEST_F(Job, GradientsMayTravelAsBf16OrWithoutOverlap) {
  auto trained = [&](const std::string& run, const std::vector<std::string>& more) {
    const Finished done = runCommand(trainLine(run, 3, more));
    EXPECT_EQ(done.code, 0) << done.output;
    return floatsOf(parameters(run, 12));
  };
  const std::vector<float> overlapped =
      trained("overlapped", {"--set", "worker.bucket_kilobytes=1", "--trace"});
  // Nine steps from the fourth on; on every rank all gradients are in the buckets, and the votes.
  constexpr uint64_t kVotes = 3 * sizeof(float);
  std::map<std::pair<int, int>, uint64_t> bytes;
  std::map<std::string, int> events;
  const Json trace = readJsonFile(folder_ / "overlapped" / "trace.json");
  for (const Json& event : trace.at("traceEvents")) {
    if (event.at("ph") != "X") continue;
    EXPECT_GE(event.at("ts").get<double>(), 0);
    ++events[event.at("name").text()];
    if (event.at("name") == "bucket") {
      bytes[{event.at("pid").get<int>(), event.at("args").at("step").get<int>()}] +=
          event.at("args").at("bytes").get<uint64_t>();
    }
  }
  EXPECT_EQ(events["backward"], 3 * 9);
  EXPECT_EQ(events["update"], 3 * 9);
  EXPECT_EQ(bytes.size(), 27U);
  for (const auto& [of, count] : bytes)
    EXPECT_EQ(count, overlapped.size() * sizeof(float) + kVotes) << of.first << " " << of.second;
  EXPECT_EQ(overlapped, trained("after", {"--set", "worker.overlap=false"}));
  const std::vector<float> rounded = trained("bf16", {"--set", "worker.gradient_wire=WIRE_BF16"});
  ASSERT_EQ(rounded.size(), overlapped.size());
  EXPECT_NE(rounded, overlapped);
  for (size_t k = 0; k < rounded.size(); ++k)
    ASSERT_NEAR(rounded[k], overlapped[k], 0.02) << k;
}

TEST_F(Job, SpreadClassesTrainAsReplicatedOnesAndAreSharedAnew) {
  auto train = [&](const std::string& run, int workers, std::vector<std::string> more) {
    more.insert(more.end(), {"--set", "checkpoint.every_steps=6"});
    const Finished done = runCommand(trainLine(run, workers, more));
    EXPECT_EQ(done.code, 0) << done.output;
  };
  const std::vector<std::string> spread = {"--set", "head.class_parallel=true"};
  const std::vector<std::string> resume = {"--set", "head.class_parallel=true", "--resume", "auto"};
  train("replicated", 2, {});
  train("spread-2", 2, spread);
  train("spread-4", 4, spread);
  // 6 classes over 4 workers: ranges of 1, 2, 1, 2.
  const CheckpointManifest manifest =
      readCheckpointManifest(checkpointFolder(folder_ / "spread-4", 12));
  EXPECT_EQ(manifest.part_size(), 2 * 4);
  EXPECT_EQ(manifest.part(2).offset() - manifest.part(1).offset(), 2 * 16U);

  // Continued by another number of workers, and by the same.
  for (const int workers : {1, 3, 4}) {
    const std::string run = concat("shared-anew-", workers);
    fs::create_directories(folder_ / run / "checkpoints");
    fs::copy(checkpointFolder(folder_ / "spread-4", 6), checkpointFolder(folder_ / run, 6));
    train(run, workers, resume);
    expectNear(parameters(run, 12), parameters("spread-4", 12), 1e-4F);
  }
  EXPECT_TRUE(parameters("shared-anew-4", 12) == parameters("spread-4", 12));
  EXPECT_TRUE(momentum("shared-anew-4", 12) == momentum("spread-4", 12));
  // A replicated run goes on from it too.
  fs::create_directories(folder_ / "gathered" / "checkpoints");
  fs::copy(checkpointFolder(folder_ / "spread-4", 6), checkpointFolder(folder_ / "gathered", 6));
  train("gathered", 2, {"--resume", "auto"});
  for (const char* run : {"spread-2", "spread-4", "gathered"})
    expectNear(parameters(run, 12), parameters("replicated", 12), 1e-4F);

  train("sampled", 2, {"--set", "head.class_parallel=true", "--set", "head.sample_rate=0.5"});
  fs::create_directories(folder_ / "sampled-on" / "checkpoints");
  fs::copy(checkpointFolder(folder_ / "sampled", 6), checkpointFolder(folder_ / "sampled-on", 6));
  train("sampled-on", 2,
        {"--set", "head.class_parallel=true", "--set", "head.sample_rate=0.5", "--resume", "auto"});
  EXPECT_TRUE(parameters("sampled", 12) == parameters("sampled-on", 12));
  EXPECT_TRUE(momentum("sampled", 12) == momentum("sampled-on", 12));
}

TEST_F(Job, AccumulatedBatchesTrainAsOneLargeBatch) {
  // lambda fixed: in its published form it counts passes, of which there are twice as many.
  const std::vector<std::string> more = {"--set", "head.lambda.base=5", "--set",
                                         "solver.base_learning_rate=0.005"};
  auto trained = [&](const std::string& run, const std::string& batch, const std::string& passes) {
    std::vector<std::string> line = trainLine(run, 1, more);
    line.insert(line.end(), {"--set", concat("solver.batch_size=", batch), "--set",
                             concat("solver.iter_size=", passes)});
    const Finished done = runCommand(line);
    EXPECT_EQ(done.code, 0) << done.output;
    EXPECT_NE(done.output.find(concat("effective global batch 16 = batch_size ", batch,
                                      " x iter_size ", passes, ", over 1 worker")),
              std::string::npos)
        << done.output;
    return parameters(run, 12);
  };
  const std::string once = trained("large", "16", "1");
  const std::string twice = trained("accumulated", "8", "2");
  EXPECT_EQ(readFile(folder_ / "large" / "records.tsv"),
            readFile(folder_ / "accumulated" / "records.tsv"));
  expectNear(once, twice, 1e-4F);
}

TEST_F(Job, AResumedRunKeepsItsSchedule) {
  const std::vector<std::string> by_images = {"--set", "solver.unit=EPOCHS",
                                              "--set", "solver.epochs=2.5",
                                              "--set", "solver.policy=POLY",
                                              "--set", "solver.warmup=0.5",
                                              "--set", "solver.clip_gradients=0.5",
                                              "--set", "head.lambda.images_per_iteration=5",
                                              "--set", "coordinator.log_every_steps=1",
                                              "--set", "checkpoint.every_steps=5"};
  const Finished whole = runCommand(trainLine("schedule", 1, by_images));
  ASSERT_EQ(whole.code, 0) << whole.output;
  // 60 images an epoch, 13 a step: 150 images are 12 steps.
  EXPECT_NE(whole.output.find("to go: steps 0..12, 156 images, 2.60 epochs"), std::string::npos)
      << whole.output;
  EXPECT_NE(whole.output.find("loss of chance ln(6) = 1.7918"), std::string::npos) << whole.output;
  fs::create_directories(folder_ / "schedule-resumed" / "checkpoints");
  fs::copy(checkpointFolder(folder_ / "schedule", 5),
           checkpointFolder(folder_ / "schedule-resumed", 5));
  std::vector<std::string> line = trainLine("schedule-resumed", 1, by_images);
  line.insert(line.end(), {"--resume", "auto"});
  const Finished resumed = runCommand(line);
  ASSERT_EQ(resumed.code, 0) << resumed.output;
  EXPECT_NE(resumed.output.find("to go: steps 5..12, 91 images"), std::string::npos)
      << resumed.output;

  auto rates = [&](const std::string& run) {
    std::map<uint64_t, std::pair<double, double>> found;
    std::ifstream metrics(folder_ / run / "metrics.jsonl");
    for (std::string text; std::getline(metrics, text);) {
      const Json entry = parseJson(text);
      found[entry.at("step").get<uint64_t>()] = {entry.at("learning_rate").get<double>(),
                                                 entry.at("lambda").get<double>()};
    }
    return found;
  };
  const auto of_whole = rates("schedule");
  const auto of_resumed = rates("schedule-resumed");
  ASSERT_EQ(of_whole.size(), 12U);
  ASSERT_EQ(of_resumed.size(), 7U);
  for (const auto& [step, rate] : of_resumed)
    EXPECT_EQ(rate, of_whole.at(step)) << step;
  EXPECT_NEAR(of_whole.at(1).first, 0.01 * 13 / 30, 1e-12) << "warm-up of 30 images";
  EXPECT_NEAR(of_whole.at(8).first, 0.01 * (1 - 7.0 / 12), 1e-12);
  EXPECT_NEAR(of_whole.at(8).second, std::max(5.0, 100 / (1 + 0.5 * 8 * 13 / 5)), 1e-9);
}

TEST_F(Job, AWorkersErrorEndsTheJobAndIsNamed) {
  // One record's pixels are cut off; the run meets it sooner or later.
  const fs::path bad = folder_ / "bad.lmdb";
  fs::copy(folder_ / "lmdb", bad);
  std::string bytes = readFile(bad / "data.mdb");
  const size_t png = bytes.find("IDAT", bytes.size() / 2);
  ASSERT_NE(png, std::string::npos);
  bytes.replace(png, 40, 40, '\xee');
  writeFileAtomically(bad / "data.mdb", bytes);
  const std::string set = concat("data.lmdb=", bad.string());
  const Finished failed = runCommand(trainLine("bad", 2, {"--set", set}));
  EXPECT_EQ(failed.code, 1) << failed.output;
  EXPECT_NE(failed.output.find("sphereface-worker: rank "), std::string::npos) << failed.output;
  EXPECT_NE(failed.output.find(concat("error: ", bad.string(), ": record ")), std::string::npos)
      << failed.output;
  ASSERT_EQ(events("bad", "failed").size(), 1U);
  EXPECT_NE(events("bad", "failed")[0].at("text").get<std::string>().find(": record "),
            std::string::npos);

  const Finished skipped =
      runCommand(trainLine("bad-skip", 2, {"--set", set, "--set", "data.bad_record=SKIP"}));
  EXPECT_EQ(skipped.code, 0) << skipped.output;
  EXPECT_GE(readJsonFile(folder_ / "bad-skip" / "summary.json").at("bad_records").get<int>(), 1);
  const std::vector<Json> named = events("bad-skip", "bad_record");
  ASSERT_EQ(named.size(), 1U);
  EXPECT_EQ(named[0].at("reason"), "undecodable");
  EXPECT_NE(named[0].at("text").get<std::string>().find(concat(bad.string(), ": record ")),
            std::string::npos)
      << named[0];
}

TEST_F(Job, WorkersStayOnCpusOfTheirOwn) {
  if (availableThreads() < 2) GTEST_SKIP() << "this machine has one processor";
  std::vector<std::string> pinned = longRun();
  pinned.insert(pinned.end(), {"--cpus-per-worker", "1"});
  testing::Process job(trainLine("pinned", 2, pinned));
  ASSERT_TRUE(hasCheckpoint("pinned")) << job.output();
  const JobProcesses processes = jobProcesses(folder_ / "pinned");
  cpu_set_t cpus[2];
  for (const int worker : {0, 1}) {
    ASSERT_EQ(::sched_getaffinity(processes.worker(worker + 1), sizeof cpus[0], &cpus[worker]), 0);
    EXPECT_EQ(CPU_COUNT(&cpus[worker]), 1);
  }
  EXPECT_FALSE(CPU_EQUAL(&cpus[0], &cpus[1]));
  ASSERT_EQ(job.wait(60), 0) << job.output();
  expectUndisturbedBits("pinned");

  // Too few CPUs are no error.
  const std::string many = std::to_string(availableThreads());
  const Finished shared = runCommand(trainLine("shared", 2, {"--cpus-per-worker", many}));
  EXPECT_EQ(shared.code, 0) << shared.output;
  EXPECT_NE(shared.output.find(concat("has no ", many, " CPUs of its own")), std::string::npos)
      << shared.output;
}

TEST_F(Job, WrongConfigurationsExitWithTwo) {
  for (const auto& [set, words] : std::vector<std::pair<std::string, std::string>>{
           {"solver.stepz=1", "no field \"stepz\""},
           {"head.margin=5", "head.margin: must be 1, 2, 3 or 4"},
           {"worker.threads=2147483647", "worker.threads: 2147483647 is outside [0, 4096]"},
           {"solver.batch_size=1", "gives some of the 2 workers no image"},
           {"network.height=32", "the network wants 32x24"}}) {
    const Finished failed = runCommand(trainLine("wrong", 2, {"--set", set}));
    EXPECT_EQ(failed.code, 2) << set << "\n" << failed.output;
    EXPECT_NE(failed.output.find(words), std::string::npos) << set << "\n" << failed.output;
  }
  fs::create_directories(folder_ / "other-batch" / "checkpoints");
  const Finished twelve = runCommand(trainLine("twelve", 1));
  ASSERT_EQ(twelve.code, 0) << twelve.output;
  fs::copy(checkpointFolder(folder_ / "twelve", 12), checkpointFolder(folder_ / "other-batch", 12));
  const Finished batch = runCommand(
      trainLine("other-batch", 1,
                {"--resume", "auto", "--set", "solver.steps=20", "--set", "solver.batch_size=12"}));
  EXPECT_EQ(batch.code, 2) << batch.output;
  EXPECT_NE(batch.output.find("was trained with 13 images a step"), std::string::npos)
      << batch.output;
  const std::string absent = (folder_ / "absent").string();
  const Finished gone = runCommand(trainLine("wrong", 2, {"--set", "data.lmdb=" + absent}));
  EXPECT_EQ(gone.code, 1) << gone.output;
  EXPECT_NE(gone.output.find("no such data set: " + absent), std::string::npos) << gone.output;
}

TEST_F(Job, ARunFolderInUseIsRefused) {
  ASSERT_EQ(runCommand(trainLine("twice", 1)).code, 0);
  const Finished again = runCommand(trainLine("twice", 1));
  EXPECT_EQ(again.code, 2) << again.output;
  EXPECT_NE(again.output.find("already holds checkpoints"), std::string::npos) << again.output;
}

}  // namespace
}  // namespace sphereface
