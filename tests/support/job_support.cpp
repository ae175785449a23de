// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "tests/support/job_support.h"

#include <unistd.h>

#include <fstream>
#include <iomanip>
#include <sstream>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/image_file.h"
#include "base/random.h"
#include "data/pack.h"
#include "model/checkpoint.h"

namespace sphereface::testing {
namespace {

namespace fs = std::filesystem;

cv::Mat tintedNoise(int identity, int image, int height, int width) {
  Random random(1, static_cast<uint64_t>(identity), static_cast<uint64_t>(image));
  Random tint(2, static_cast<uint64_t>(identity));
  const double colour[3] = {tint.uniform(40, 215), tint.uniform(40, 215), tint.uniform(40, 215)};
  cv::Mat picture(height, width, CV_8UC3);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < 3; ++c) {
        picture.at<cv::Vec3b>(y, x)[c] = cv::saturate_cast<uchar>(colour[c] + 40 * random.normal());
      }
    }
  }
  return picture;
}

std::string partsOf(const fs::path& checkpoint, CheckpointManifest::Part::Content content) {
  std::string bytes;
  const CheckpointManifest manifest = readCheckpointManifest(checkpoint);
  for (const CheckpointManifest::Part& part : manifest.part()) {
    if (part.content() != content) continue;
    EXPECT_EQ(part.offset() * sizeof(float), bytes.size());
    bytes += readFile(checkpoint / part.file());
  }
  return bytes;
}

}  // namespace

fs::path Job::folder_;

void Job::SetUpTestSuite() {
  folder_ = fs::temp_directory_path() / concat("job_test.", ::getpid());
  for (int identity = 0; identity < kIdentities; ++identity) {
    const fs::path faces = folder_ / "faces" / concat("id", identity);
    fs::create_directories(faces);
    for (int image = 0; image < kImages; ++image) {
      writeFileAtomically(faces / concat(image, ".png"),
                          encodePng(tintedNoise(identity, image, kHeight, kWidth)));
    }
  }
  PackOptions options;
  options.input = folder_ / "faces";
  options.output = folder_ / "lmdb";
  options.height = kHeight;
  options.width = kWidth;
  packDataset(options);
  writeFileAtomically(folder_ / "config.textproto",
                      concat(R"(name: "job"
data { lmdb: ")",
                             (folder_ / "lmdb").string(), R"(" mirror: true shift: 1 }
network { name: "custom" stage { channels: 16 units: 1 } stage { channels: 16 } embedding: 16
        height: )",
                             kHeight, " width: ", kWidth, R"( }
head { lambda { base: 100 gamma: 0.5 minimum: 5 } }
solver { batch_size: 13 steps: 12 base_learning_rate: 0.01 policy: FIXED warmup: 5 }
worker { threads: 1 audit_records: true }
coordinator { log_every_steps: 4 lease_steps: 3 }
)"));
}

void Job::writePairs() {
  for (int identity = 0; identity < kIdentities; ++identity) {
    const std::string name = concat("id", identity);
    fs::create_directories(folder_ / "lfw" / name);
    for (int image = 0; image < kImages; ++image) {
      std::ostringstream file;
      file << name << "_" << std::setw(4) << std::setfill('0') << image + 1 << ".png";
      fs::copy_file(folder_ / "faces" / name / concat(image, ".png"),
                    folder_ / "lfw" / name / file.str());
    }
  }
  std::string pairs = "2\t3\n";
  for (int fold = 0; fold < 2; ++fold) {
    for (int k = 0; k < 3; ++k)
      pairs += concat("id", 3 * fold + k, "\t1\t", k + 2, "\n");
    for (int k = 0; k < 3; ++k)
      pairs += concat("id", 3 * fold + k, "\t1\tid", (3 * fold + k + 1) % kIdentities, "\t3\n");
  }
  writeFileAtomically(folder_ / "pairs.txt", pairs);
}

void Job::TearDownTestSuite() {
  fs::remove_all(folder_);
}

std::vector<std::string> Job::trainLine(const std::string& run, int workers,
                                        const std::vector<std::string>& more) {
  std::vector<std::string> line = {program("sphereface"),
                                   "train",
                                   "--config",
                                   (folder_ / "config.textproto").string(),
                                   "--run",
                                   (folder_ / run).string()};
  if (workers > 0) line.insert(line.end(), {"--workers", std::to_string(workers)});
  line.insert(line.end(), more.begin(), more.end());
  return line;
}

std::vector<std::string> Job::onHosts(const NetworkNamespaces& network, int hosts, int slots,
                                      const std::vector<std::string>& command) {
  std::string list;
  for (int host = 1; host <= hosts; ++host)
    list += concat(host == 1 ? "" : ",", NetworkNamespaces::address(host), ":", slots);
  // By both names: those of OpenMPI 4 and 5. What a killed mpirun leaves in TMPDIR goes with the
  // test's folder.
  std::vector<std::string> line = {"env", concat("TMPDIR=", folder_.string()),
                                   concat("OMPI_MCA_plm_rsh_agent=", network.agent().string()),
                                   concat("PRTE_MCA_plm_ssh_agent=", network.agent().string())};
  line.insert(line.end(), command.begin(), command.end());
  line.insert(line.end(), {"--hosts", list});
  return network.on(1, line);
}

std::vector<std::string> Job::hostsLine(const NetworkNamespaces& network, int hosts, int slots,
                                        const std::string& run,
                                        const std::vector<std::string>& more) {
  return onHosts(network, hosts, slots, trainLine(run, 0, more));
}

std::vector<std::string> Job::longRun() {
  return {"--set", concat("solver.steps=", kLongSteps), "--set", "head.gradient=EXACT",
          "--set", "checkpoint.every_steps=50"};
}

void Job::expectUndisturbedBits(const std::string& run) {
  if (listCheckpoints(folder_ / "undisturbed").empty()) {
    const Finished done = runCommand(trainLine("undisturbed", 2, longRun()));
    ASSERT_EQ(done.code, 0) << done.output;
  }
  EXPECT_TRUE(parameters(run, kLongSteps) == parameters("undisturbed", kLongSteps));
  EXPECT_TRUE(momentum(run, kLongSteps) == momentum("undisturbed", kLongSteps));
}

std::string Job::parameters(const std::string& run, uint64_t step) {
  return partsOf(checkpointFolder(folder_ / run, step), CheckpointManifest::Part::PARAMETERS);
}

std::string Job::momentum(const std::string& run, uint64_t step) {
  return partsOf(checkpointFolder(folder_ / run, step), CheckpointManifest::Part::MOMENTUM);
}

std::vector<Json> Job::events(const std::string& run, const std::string& kind) {
  std::vector<Json> found;
  std::ifstream lines(folder_ / run / "events.jsonl");
  for (std::string line; std::getline(lines, line);) {
    // The last line may be half there yet.
    const Json event = tryParseJson(line);
    if (!event.is_discarded() && event.at("event") == kind) found.push_back(event);
  }
  return found;
}

std::vector<Json> Job::scores(const std::string& run) {
  std::vector<Json> lines;
  std::ifstream file(folder_ / run / "evaluations.jsonl");
  for (std::string line; std::getline(file, line);)
    lines.push_back(parseJson(line));
  return lines;
}

bool Job::hasCheckpoint(const std::string& run) {
  return waitUntil([&] { return !listCheckpoints(folder_ / run).empty(); });
}

}  // namespace sphereface::testing
