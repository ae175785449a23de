// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Whole jobs on GPUs whose kernels run on the host (tests/kernels/cuda_host): the library with them
// takes the place of the one for cards by the loader's own search path.

#include <gtest/gtest.h>

#include <cstring>

#include "base/atomic_file.h"
#include "base/error.h"
#include "evaluation/feature_file.h"
#include "model/checkpoint.h"
#include "tests/support/golden.h"
#include "tests/support/job_support.h"

namespace sphereface {
namespace {

using testing::Finished;
using testing::program;
using testing::relativeNorm;
using testing::runCommand;

class GpuJob : public testing::Job {
 protected:
  /// trainLine with the GPU on the host.
  static std::vector<std::string> gpuLine(const std::string& run, int workers,
                                          std::vector<std::string> more = {}) {
    more.insert(more.end(), {"--device", "cuda", "--set", "head.gradient=EXACT"});
    std::vector<std::string> line = trainLine(run, workers, more);
    const std::string libraries = program("gpu-on-host");
    line.insert(line.begin(), {"env", "LD_LIBRARY_PATH=" + libraries});
    return line;
  }
  static std::vector<float> trained(const std::string& run) {
    const std::string bytes = parameters(run, 12);
    std::vector<float> values(bytes.size() / sizeof(float));
    std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
  }
};

TEST_F(GpuJob, TrainsToTheCpusParametersForAnyNumberOfWorkers) {
  const Finished cpu = runCommand(trainLine("cpu", 1, {"--set", "head.gradient=EXACT"}));
  ASSERT_EQ(cpu.code, 0) << cpu.output;
  const std::vector<float> want = trained("cpu");
  for (const int workers : {1, 2}) {
    const std::string run = concat("gpu", workers);
    const Finished gpu = runCommand(gpuLine(run, workers));
    ASSERT_EQ(gpu.code, 0) << gpu.output;
    EXPECT_NE(gpu.output.find("GPU: none, kernels run on the host"), std::string::npos)
        << gpu.output;
    EXPECT_LT(relativeNorm(trained(run), want), 1e-3);
    EXPECT_EQ(readFile(folder_ / run / "records.tsv"), readFile(folder_ / "cpu" / "records.tsv"));
  }
}

TEST_F(GpuJob, ResumesFromItsOwnCheckpointAndTheCpus) {
  const std::vector<std::string> every = {"--set", "checkpoint.every_steps=6"};
  const Finished unbroken = runCommand(gpuLine("unbroken", 1, every));
  ASSERT_EQ(unbroken.code, 0) << unbroken.output;
  const std::vector<float> want = trained("unbroken");
  const std::string checkpoint = checkpointFolder(folder_ / "unbroken", 6).string();

  const Finished resumed = runCommand(gpuLine("resumed", 1, {"--resume", checkpoint}));
  ASSERT_EQ(resumed.code, 0) << resumed.output;
  EXPECT_EQ(trained("resumed"), want);

  const Finished on_cpu =
      runCommand(trainLine("on-cpu", 2, {"--resume", checkpoint, "--set", "head.gradient=EXACT"}));
  ASSERT_EQ(on_cpu.code, 0) << on_cpu.output;
  EXPECT_LT(relativeNorm(trained("on-cpu"), want), 1e-3);
}

TEST_F(GpuJob, TrainsInBf16AndWithGradientsFromTwoPasses) {
  const Finished gpu =
      runCommand(gpuLine("bf16", 2,
                         {"--set", "worker.precision=BF16", "--set", "solver.iter_size=2", "--set",
                          "solver.clip_gradients=10"}));
  ASSERT_EQ(gpu.code, 0) << gpu.output;
  const Json summary = readJsonFile(folder_ / "bf16" / "summary.json");
  EXPECT_LT(summary.at("loss_last").get<double>(), summary.at("loss_first").get<double>());
}

TEST_F(GpuJob, GradientsMayTravelAsBf16) {
  const Finished plain = runCommand(gpuLine("wire-fp32", 2));
  ASSERT_EQ(plain.code, 0) << plain.output;
  const Finished rounded =
      runCommand(gpuLine("wire-bf16", 2, {"--set", "worker.gradient_wire=WIRE_BF16"}));
  ASSERT_EQ(rounded.code, 0) << rounded.output;
  const double difference = relativeNorm(trained("wire-bf16"), trained("wire-fp32"));
  EXPECT_GT(difference, 0);
  EXPECT_LT(difference, 1e-2);
}

TEST_F(GpuJob, TrainsWithClassesSpreadOverTheWorkers) {
  const std::vector<std::string> spread = {"--set", "head.class_parallel=true",
                                           "--set", "head.sample_rate=0.7",
                                           "--set", "head.mhe_weight=0.1"};
  std::vector<std::string> cpu_line = trainLine("spread-cpu", 2, spread);
  cpu_line.insert(cpu_line.end(), {"--set", "head.gradient=EXACT"});
  const Finished cpu = runCommand(cpu_line);
  ASSERT_EQ(cpu.code, 0) << cpu.output;
  const Finished gpu = runCommand(gpuLine("spread-gpu", 2, spread));
  ASSERT_EQ(gpu.code, 0) << gpu.output;
  EXPECT_LT(relativeNorm(trained("spread-gpu"), trained("spread-cpu")), 1e-3);
}

TEST_F(GpuJob, ExtractsTheCpusFeatures) {
  const Finished trained = runCommand(trainLine("features", 1));
  ASSERT_EQ(trained.code, 0) << trained.output;
  std::vector<std::string> line = {program("sphereface"),
                                   "extract",
                                   "--checkpoint",
                                   checkpointFolder(folder_ / "features", 12).string(),
                                   "--input",
                                   (folder_ / "faces").string(),
                                   "--batch",
                                   "16",
                                   "--output"};
  std::vector<std::string> on_gpu = line;
  line.push_back((folder_ / "cpu.sff").string());
  on_gpu.insert(on_gpu.end(), {(folder_ / "gpu.sff").string(), "--device", "cuda"});
  on_gpu.insert(on_gpu.begin(), {"env", "LD_LIBRARY_PATH=" + program("gpu-on-host")});
  for (const std::vector<std::string>& each : {line, on_gpu}) {
    const Finished extracted = runCommand(each);
    ASSERT_EQ(extracted.code, 0) << extracted.output;
  }
  const FeatureSet want = readFeatures(folder_ / "cpu.sff");
  const FeatureSet got = readFeatures(folder_ / "gpu.sff");
  EXPECT_EQ(got.names, want.names);
  EXPECT_LT(relativeNorm(got.values, want.values), 1e-5);
}

TEST_F(GpuJob, PlansFromAFewSteps) {
  const Finished done = runCommand(
      {"env", "LD_LIBRARY_PATH=" + program("gpu-on-host"), program("sphereface"), "plan",
       "--config", (folder_ / "config.textproto").string(), "--set", "worker.device=CUDA"});
  ASSERT_EQ(done.code, 0) << done.output;
  for (const char* words : {"GPU: none, kernels run on the host", ", held ", "time to finish"})
    EXPECT_NE(done.output.find(words), std::string::npos) << words << "\n" << done.output;
}

TEST_F(GpuJob, SaysInOneLineWhatIsMissing) {
  // A folder in front whose library is none.
  const std::filesystem::path broken = folder_ / "broken";
  std::filesystem::create_directories(broken);
  writeFileAtomically(broken / "libsphereface_cuda.so", "no library");
  std::vector<std::string> line = trainLine("missing", 1, {"--device", "cuda"});
  line.insert(line.begin(), {"env", "LD_LIBRARY_PATH=" + broken.string()});
  const Finished finished = runCommand(line);
  EXPECT_EQ(finished.code, 1);
  EXPECT_NE(finished.output.find("error: device CUDA: the GPU kernels can't be loaded"),
            std::string::npos)
      << finished.output;
  EXPECT_NE(finished.output.find("use device CPU"), std::string::npos) << finished.output;
}

TEST_F(GpuJob, ReproducibleModeTrainsTheSameBitsWithAnyNumberOfWorkers) {
  std::vector<float> want;
  for (const int workers : {1, 2, 4}) {
    const std::string run = concat("bits-", workers);
    const Finished done = runCommand(
        gpuLine(run, workers,
                {"--set", "solver.reproducible_shards=4", "--set", "solver.batch_size=12", "--set",
                 "solver.iter_size=2", "--set", "solver.clip_gradients=1"}));
    ASSERT_EQ(done.code, 0) << done.output;
    if (want.empty()) want = trained(run);
    EXPECT_TRUE(trained(run) == want) << workers << " workers";
  }
}

TEST_F(GpuJob, RefusesWhatOneDeviceDoesNotDo) {
  const Finished finished = runCommand(
      trainLine("refused", 1,
                {"--device", "cuda", "--set", "solver.batch_size=16", "--set",
                 "solver.reproducible_shards=2", "--set", "worker.gradient_wire=WIRE_BF16"}));
  EXPECT_EQ(finished.code, 2) << finished.output;
  EXPECT_NE(finished.output.find("WIRE_FP32"), std::string::npos) << finished.output;
  const Finished tf32 = runCommand(trainLine("refused", 1, {"--set", "worker.precision=TF32"}));
  EXPECT_EQ(tf32.code, 2);
  EXPECT_NE(tf32.output.find("worker.device CUDA"), std::string::npos) << tf32.output;
}

}  // namespace
}  // namespace sphereface
