// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What doctor says of a machine, from facts made up here; and that the facts of this one can be
// had.

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/temporary_folder.h"
#include "doctor/disk_checks.h"
#include "doctor/host_checks.h"
#include "doctor/memory_checks.h"
#include "doctor/mpi_checks.h"
#include "doctor/network_checks.h"
#include "doctor/processor_checks.h"
#include "tests/doctor/doctor_support.h"

namespace sphereface::doctor {
namespace {

constexpr uint64_t kMiB = 1 << 20;

TEST(DoctorProcessor, Bf16IsOnlyMissedWhereItIsAskedFor) {
  Processor old = {"AVX2", true, false, "oneDNN 2.6.3 (OpenMP)"};
  WorkerConfig worker;
  expectFinding(processorFinding(old, nullptr), State::kOk, "AVX2, oneDNN 2.6.3 (OpenMP)");
  expectFinding(processorFinding(old, &worker), State::kOk, "not in hardware");
  worker.set_precision(WorkerConfig::BF16);
  expectFinding(processorFinding(old, &worker), State::kWarn, "will compute in fp32",
                "worker.precision: FP32");
  old.fast_bf16 = true;
  expectFinding(processorFinding(old, &worker), State::kOk, "in hardware");
  old.avx2 = false;
  expectFinding(processorFinding(old, nullptr), State::kWarn, "very slow", "ONEDNN_MAX_CPU_ISA");
  EXPECT_TRUE(says(processor().library, "oneDNN "));
}

TEST(DoctorProcessor, AGpuThatIsNotThereIsAFailure) {
  WorkerConfig worker;
  expectFinding(deviceFinding(worker), State::kOk, "CPU");
  worker.set_device(WorkerConfig::CUDA);
  const Finding finding = deviceFinding(worker);
  if (finding.state == State::kOk) GTEST_SKIP() << finding.found;
  expectFinding(finding, State::kFail, "device CUDA: ", "worker.device: CPU");
}

TEST(DoctorThreads, MoreThanTheProcessorsAreWarnedOf) {
  expectFinding(threadsFinding({8, {}}, {4, 2, 0, ""}), State::kOk, "4 workers x 2 threads");
  expectFinding(threadsFinding({8, {}}, {4, 3, 0, ""}), State::kWarn, "in each other's way",
                "worker.threads: 2");
  expectFinding(threadsFinding({8, {}}, {12, 1, 0, ""}), State::kWarn, "12 workers", "--workers 8");
  // A container may have all processors for a part of the time.
  expectFinding(threadsFinding({64, 2.0}, {2, 32, 0, ""}), State::kWarn, "a quota of 2 of them",
                "worker.threads: 1");
  expectFinding(threadsFinding({64, 2.0}, {2, 1, 0, ""}), State::kOk, "");
}

TEST(DoctorThreads, PinningAllWorkersToTheSameProcessorsIsWarnedOf) {
  expectFinding(threadsFinding({8, {}}, {2, 4, 0, "OMP_PROC_BIND=true"}), State::kWarn,
                "OMP_PROC_BIND=true", "unset OMP_PROC_BIND");
  expectFinding(threadsFinding({8, {}}, {1, 8, 0, "OMP_PROC_BIND=true"}), State::kOk, "");
  EXPECT_GE(usableThreads().allowed, 1U);
}

TEST(DoctorMemory, WhatDoesNotFitFails) {
  MemoryNeed need;
  need.workers = 4;
  need.engine = 1000 * kMiB;
  need.program = 100 * kMiB;
  EXPECT_EQ(need.total(), 4500 * kMiB) << "a coordinator on top";
  expectFinding(memoryFinding(need, 8000 * kMiB), State::kOk, "4 workers need 4.72 GB");
  expectFinding(memoryFinding(need, 4600 * kMiB), State::kWarn, "little is left",
                "solver.batch_size");
  expectFinding(memoryFinding(need, 4000 * kMiB), State::kFail, "are available",
                "solver.iter_size");
  need.cache = 2000 * kMiB;
  expectFinding(memoryFinding(need, 8000 * kMiB), State::kFail, "decoded images 2.1 GB",
                "data.cache_megabytes");
}

TEST(DoctorMemory, TheCacheTakesNoMoreThanTheImages) {
  PlannedRun run;
  run.config.mutable_network()->set_name("sphereface-4");
  run.config.mutable_solver()->set_steps(10);
  run.config.mutable_data()->set_cache_megabytes(1000);
  run.records = 100;
  run.classes = 10;
  const Forecast forecast = forecastRun(run);
  EXPECT_EQ(memoryNeed(run, forecast).cache, 100U * 3 * 112 * 96);
  run.records = 1'000'000;
  EXPECT_EQ(memoryNeed(run, forecast).cache, 1000 * kMiB);
}

TEST(DoctorMemory, DataLargerThanMemoryAreWarnedOf) {
  expectFinding(pageCacheFinding(10 * kMiB, 20 * kMiB), State::kOk, "10.5 MB");
  expectFinding(pageCacheFinding(30 * kMiB, 20 * kMiB), State::kWarn, "in every epoch",
                "data.cache_megabytes");
}

TEST(DoctorHost, SharedMemoryIsCountedByRanks) {
  // A container's /dev/shm is as small by default.
  expectFinding(sharedMemoryFinding(Space{64 * kMiB, 64 * kMiB}, 3), State::kWarn, "SIGBUS",
                "--shm-size");
  expectFinding(sharedMemoryFinding(Space{1000 * kMiB, 100 * kMiB}, 3), State::kWarn, "3 ranks",
                "--shm-size");
  expectFinding(sharedMemoryFinding(Space{1000 * kMiB, 192 * kMiB}, 3), State::kOk, "free");
  expectFinding(sharedMemoryFinding(std::nullopt, 3), State::kWarn, "no /dev/shm", "--ipc=host");
}

TEST(DoctorHost, LimitsAreComparedWithTheJob) {
  ProcessLimits limits;
  LimitNeed need;
  expectFinding(limitsFinding(limits, need), State::kOk, "open files unlimited");
  limits.open_files = 256;
  expectFinding(limitsFinding(limits, need), State::kOk, "open files 256");
  need.ranks = 33;
  expectFinding(limitsFinding(limits, need), State::kWarn, "33 ranks", "ulimit -n");
  limits.open_files.reset();
  limits.locked_memory = kMiB / 16;
  expectFinding(limitsFinding(limits, need), State::kOk, "");
  limits.has_infiniband = true;
  expectFinding(limitsFinding(limits, need), State::kWarn, "InfiniBand", "ulimit -l");
  limits.file_size = 100 * kMiB;
  need.largest_file = 113 * kMiB;
  expectFinding(limitsFinding(limits, need), State::kFail, "a checkpoint has a file of 118 MB",
                "ulimit -f");
  limits.file_size.reset();
  limits.address_space = 1000 * kMiB;
  need.address_space = 4000 * kMiB;
  expectFinding(limitsFinding(limits, need), State::kFail, "maps 4.19 GB", "ulimit -v");
}

TEST(DoctorHost, TheSessionFolderMustBeShortLocalAndWritable) {
  SessionFolder folder;
  folder.base = "/tmp";
  folder.host = "node1";
  folder.writable = true;
  folder.space = Space{1000 * kMiB, 1000 * kMiB};
  expectFinding(sessionFinding(folder), State::kOk, "/tmp");
  folder.network_system = "NFS";
  expectFinding(sessionFinding(folder), State::kWarn, "NFS", "TMPDIR=/tmp");
  folder.base = "/scratch/projects/face-recognition/users/somebody/jobs/1234567/tmp";
  expectFinding(sessionFinding(folder), State::kWarn, "107 are allowed", "TMPDIR=/tmp");
  folder.space->free = kMiB;
  expectFinding(sessionFinding(folder), State::kFail, "1.05 MB free", "TMPDIR");
  folder.writable = false;
  expectFinding(sessionFinding(folder), State::kFail, "no folder that mpirun could write to",
                "TMPDIR");
}

TEST(DoctorDisk, NetworkFileSystemsAreKnownByTheirNumbers) {
  EXPECT_EQ(networkFileSystemName(0x6969), "NFS");
  EXPECT_EQ(networkFileSystemName(0x0BD00BD0), "Lustre");
  EXPECT_EQ(networkFileSystemName(static_cast<long>(static_cast<int32_t>(0xFF534D42))), "CIFS")
      << "sign-extended";
  EXPECT_EQ(networkFileSystemName(0xEF53), "") << "ext4";
  EXPECT_EQ(networkFileSystem("/proc"), "");
  expectFinding(fileSystemFinding("/data/train.lmdb", ""), State::kOk, "is local");
  expectFinding(fileSystemFinding("/data/train.lmdb", "Lustre"), State::kWarn, "lies on Lustre",
                "data.lmdb: \"/local/disk/train.lmdb\"");
}

TEST(DoctorDisk, TheRunFolderMustHoldTheCheckpoints) {
  const TemporaryFolder folder;
  RunFolder run = runFolder(folder / "runs" / "casia");
  EXPECT_EQ(run.parent, folder.path());
  EXPECT_TRUE(run.writable);
  EXPECT_GT(run.free, 0U);
  expectFinding(runFolderFinding(run, 1), State::kOk, "runs/casia");
  expectFinding(runFolderFinding(run, 1), State::kOk, "its file system has locks");
  run.system_locks = false;
  expectFinding(runFolderFinding(run, 1), State::kOk, ".lock.held");
  run.free = 100 * kMiB;
  expectFinding(runFolderFinding(run, 200 * kMiB), State::kFail, "210 MB", "checkpoint.keep");
  run.writable = false;
  expectFinding(runFolderFinding(run, 1), State::kFail, "can't be written to", "--run");
  std::filesystem::create_directories(folder / "runs/casia/checkpoints/step-00000010");
  expectFinding(runFolderFinding(runFolder(folder / "runs" / "casia"), 1), State::kWarn,
                "already holds 1 checkpoint", "--resume auto");
}

TEST(DoctorDisk, OneCheckpointMoreThanAreKept) {
  Forecast forecast;
  forecast.checkpoint_bytes = 100;
  forecast.checkpoints = 3;
  EXPECT_EQ(checkpointSpace(forecast), 400U);
}

TEST(DoctorNetwork, VirtualBridgesAreWarnedOfUnlessOpenMpiWasToldWhatToUse) {
  std::vector<Interface> up = {{"lo", "127.0.0.1", true}, {"eth0", "10.1.2.3", false}};
  NetworkChoice choice;
  expectFinding(networkFinding(up, choice), State::kOk, "lo 127.0.0.1, eth0 10.1.2.3");
  up.push_back({"docker0", "172.17.0.1", false});
  up.push_back({"br-1a2b", "172.18.0.1", false});
  expectFinding(networkFinding(up, choice), State::kWarn, "may choose docker0, br-1a2b",
                "OMPI_MCA_btl_tcp_if_include=eth0 OMPI_MCA_oob_tcp_if_include=eth0");
  choice.messages = "eth0";
  expectFinding(networkFinding(up, choice), State::kWarn, "docker0", "eth0");
  choice.control = "10.1.0.0/16";
  expectFinding(networkFinding(up, choice), State::kOk, "was told which to use");
  choice.messages = "eth0,ib0";
  expectFinding(networkFinding(up, choice), State::kFail,
                "OMPI_MCA_btl_tcp_if_include names ib0, which isn't", "eth0");
  choice = {"", "", true};
  expectFinding(networkFinding(up, choice), State::kOk, "");
  expectFinding(networkFinding({}, {}), State::kWarn, "no interface", "ip link set lo up");
}

TEST(DoctorNetwork, ListsNameInterfacesOrNetworks) {
  const Interface eth0 = {"eth0", "192.168.7.9", false};
  EXPECT_TRUE(includes("eth0", eth0));
  EXPECT_FALSE(includes("eth", eth0));
  EXPECT_TRUE(includes("192.168.0.0/16", eth0));
  EXPECT_TRUE(includes("192.168.7.9/32", eth0));
  EXPECT_TRUE(includes("0.0.0.0/0", eth0));
  EXPECT_FALSE(includes("192.168.8.0/24", eth0));
  EXPECT_FALSE(includes("nonsense/8", eth0));
  EXPECT_FALSE(includes("10.0.0.0/99", eth0));
  EXPECT_TRUE(isVirtualBridge("virbr0"));
  EXPECT_TRUE(isVirtualBridge("veth12ab"));
  EXPECT_FALSE(isVirtualBridge("bond0"));
  EXPECT_FALSE(isVirtualBridge("br0")) << "a host's own bridge leads out";
}

/// What a probe of a coordinator and `workers` workers prints.
ProgramOutput probeOutput(int workers, double seconds) {
  std::string hosts;
  for (int rank = 0; rank <= workers; ++rank)
    hosts += rank == 0 ? "\"node1\"" : ",\"node1\"";
  ProgramOutput probe;
  probe.out =
      concat("a line of somebody else\n",
             R"({"library":"Open MPI v4.1.4, package","threads":true,"hosts":[)", hosts,
             R"(],"small_sum_seconds":1e-6,"large_sum_bytes":16000000,"large_sum_seconds":)",
             seconds, R"(,"wrong_sums":0})", "\n");
  return probe;
}

TEST(DoctorMpi, ReadsWhatTheProbePrints) {
  expectFinding(mpiFinding(probeOutput(2, 0.016), 2, 100'000'000), State::kOk,
                "Open MPI v4.1.4, MPI_THREAD_MULTIPLE, 3 ranks on node1; workers sum 1 GB/s, one "
                "number in 1 us; a step's 100 MB of gradients take 0.1 s");
  expectFinding(mpiFinding(probeOutput(1, 0.016), 1, 0), State::kOk, "2 ranks on node1");
  expectFinding(mpiFinding(probeOutput(2, 1.6), 2, 0), State::kWarn, "0.01 GB/s",
                "a faster network");
  expectFinding(mpiFinding(probeOutput(2, 0.016), 3, 0), State::kFail, "instead of 4",
                "-np 4 sphereface-worker --probe");
  ProgramOutput probe = probeOutput(2, 0.016);
  probe.out.replace(probe.out.find("\"wrong_sums\":0"), 14, "\"wrong_sums\":3");
  expectFinding(mpiFinding(probe, 2, 0), State::kFail, "wrong sums", "vader");
  probe = probeOutput(2, 0.016);
  probe.out.replace(probe.out.find("\"threads\":true"), 14, "\"threads\":false");
  expectFinding(mpiFinding(probe, 2, 0), State::kWarn, "after backward only",
                "worker.overlap: false");
}

TEST(DoctorMpi, NamesWhatWentWrong) {
  ProgramOutput probe;
  probe.code = kNoSuchProgram;
  probe.errors = "cannot run mpirun: No such file";
  expectFinding(mpiFinding(probe, 2, 0), State::kFail, "mpirun can't be run", "openmpi-bin");
  probe.code = 213;
  probe.errors = "--------\nThere are not enough slots available\n--------\n";
  expectFinding(mpiFinding(probe, 2, 0), State::kFail, "code 213: There are not enough slots",
                "mpirun ");
  probe.timed_out = true;
  expectFinding(mpiFinding(probe, 2, 0), State::kFail, "didn't end within 60 s", "`network`");
  // An mpirun of another MPI starts ranks that know nothing of each other.
  probe = {};
  probe.out = probeOutput(0, 1).out + probeOutput(0, 1).out;
  expectFinding(mpiFinding(probe, 1, 0), State::kFail, "belongs to another MPI", "PATH");
}

TEST(DoctorMpi, RootIsToldHowAJobScriptMayRun) {
  expectFinding(rootFinding(false, false), State::kOk, "not root");
  expectFinding(rootFinding(true, true), State::kOk, "allows");
  expectFinding(rootFinding(true, false), State::kOk, "export OMPI_ALLOW_RUN_AS_ROOT=1");
}

}  // namespace
}  // namespace sphereface::doctor
