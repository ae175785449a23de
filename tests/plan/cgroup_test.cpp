// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "plan/cgroup.h"

#include <gtest/gtest.h>

#include "base/atomic_file.h"
#include "base/temporary_folder.h"

namespace sphereface {
namespace {

class Cgroup : public ::testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) const {
    const std::filesystem::path file = folder_ / name;
    std::filesystem::create_directories(file.parent_path());
    writeFileAtomically(file, text);
  }
  CgroupLimits limits() const { return cgroupLimits(folder_ / "self", folder_ / "mount"); }

  const TemporaryFolder folder_;
};

TEST_F(Cgroup, VersionTwoTakesTheTightestOfItsGroupAndThoseAbove) {
  write("self", "0::/batch/job\n");
  write("mount/batch/memory.max", "4000000000\n");
  write("mount/batch/memory.current", "3500000000\n");
  write("mount/batch/memory.stat", "anon 1\ninactive_file 500000000\n");
  write("mount/batch/cpu.max", "150000 100000\n");
  write("mount/batch/job/memory.max", "max\n");
  write("mount/batch/job/cpu.max", "max 100000\n");
  EXPECT_EQ(limits().memory, 4000000000U);
  EXPECT_EQ(limits().memory_left, 1000000000U);
  EXPECT_EQ(limits().processors, 1.5);
  write("mount/batch/job/memory.max", "300000000\n");
  write("mount/batch/job/memory.current", "400000000\n");
  EXPECT_EQ(limits().memory, 300000000U);
  EXPECT_EQ(limits().memory_left, 0U);
}

TEST_F(Cgroup, VersionOneHasItsOwnFilesAndNoLimitIsALargeNumber) {
  write("self", "4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n0::/\n");
  // In the container the group itself is mounted.
  write("mount/memory/memory.limit_in_bytes", "2000000000\n");
  write("mount/memory/memory.usage_in_bytes", "500000000\n");
  write("mount/cpu,cpuacct/cpu.cfs_quota_us", "50000\n");
  write("mount/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(limits().memory, 2000000000U);
  EXPECT_EQ(limits().memory_left, 1500000000U);
  EXPECT_EQ(limits().processors, 0.5);
  write("mount/memory/memory.limit_in_bytes", "9223372036854771712\n");
  write("mount/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
  EXPECT_FALSE(limits().memory);
  EXPECT_FALSE(limits().memory_left);
  EXPECT_FALSE(limits().processors);
}

TEST_F(Cgroup, WhatIsNotThereLimitsNothing) {
  EXPECT_FALSE(limits().memory);
  write("self", "nonsense\n0::/gone\n");
  EXPECT_FALSE(limits().memory);
  EXPECT_GT(availableMemory(), 0U);
}

}  // namespace
}  // namespace sphereface
