// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What is installed and packaged, used from a place that the build knows nothing of.

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/temporary_folder.h"
#include "tests/support/process.h"

namespace sphereface::testing {
namespace {

namespace fs = std::filesystem;

/// From nothing to a score, by the programs in `bin`.
void useIt(const fs::path& bin, const fs::path& share) {
  const TemporaryFolder work;
  const std::string sphereface = (bin / "sphereface").string();
  const auto path = [&](const char* name) { return (work / name).string(); };
  for (const std::vector<std::string>& line : std::vector<std::vector<std::string>>{
           {sphereface, "--version"},
           {sphereface, "synth", "--out", path("faces"), "--identities", "12",
            "--images-per-identity", "4", "--seed", "3"},
           {sphereface, "pack", "--input", path("faces"), "--output", path("lmdb")},
           {sphereface, "train", "--config", (share / "configs/quickstart.textproto").string(),
            "--workers", "2", "--run", path("run"), "--set", "data.lmdb=" + path("lmdb"), "--set",
            "solver.steps=3", "--set", "solver.batch_size=8", "--set", "checkpoint.initial=false"},
           {sphereface, "extract", "--workers", "2", "--checkpoint",
            path("run/checkpoints/step-00000003"), "--input", path("faces"), "--output",
            path("faces.npy")}}) {
    const Finished finished = runCommand(line);
    ASSERT_EQ(finished.code, 0) << line[1] << "\n" << finished.output;
  }
  // Scripts that are installed find what they need beside themselves.
  const Finished dry = runCommand({"env", concat("PATH=", bin.string(), ":/usr/bin:/bin"),
                                   (share / "scripts/reproduce.sh").string(), "--help"});
  EXPECT_EQ(dry.code, 0) << dry.output;
  EXPECT_TRUE(fs::exists(share / "scripts/slurm/submit.sh"));
  EXPECT_TRUE(fs::exists(share / "LICENSE"));
}

TEST(Worker, StartsWithoutOpenCvsImageLibraries) {
  const Finished libraries = runCommand({"ldd", program("sphereface-worker")});
  ASSERT_EQ(libraries.code, 0) << libraries.output;
  for (const char* library : {"imgproc", "imgcodecs", "videoio", "dnn"})
    EXPECT_EQ(libraries.output.find(concat("opencv_", library)), std::string::npos)
        << libraries.output;
}

TEST(Install, IsComplete) {
  const TemporaryFolder folder;
  const Finished installed = runCommand(
      {"cmake", "--install", SPHEREFACE_BUILD, "--prefix", (folder / "first").string(), "--strip"});
  ASSERT_EQ(installed.code, 0) << installed.output;
  // It may be moved.
  fs::rename(folder / "first", folder / "second");
  useIt(folder / "second" / "bin", folder / "second" / "share/sphereface");
}

TEST(Install, PackagesAreComplete) {
  const TemporaryFolder folder;
  const Finished packed =
      runCommand({"cpack", "--config", concat(SPHEREFACE_BUILD, "/CPackConfig.cmake"), "-B",
                  folder.path().string()},
                 240);
  ASSERT_EQ(packed.code, 0) << packed.output;
  std::string tarball;
  std::string deb;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder.path())) {
    if (entry.path().extension() == ".gz") tarball = entry.path().string();
    if (entry.path().extension() == ".deb") deb = entry.path().string();
  }
  ASSERT_FALSE(tarball.empty()) << packed.output;
  ASSERT_FALSE(deb.empty()) << packed.output;

  fs::create_directory(folder / "tar");
  const Finished unpacked =
      runCommand({"tar", "xf", tarball, "--strip-components=1", "-C", (folder / "tar").string()});
  ASSERT_EQ(unpacked.code, 0) << unpacked.output;
  useIt(folder / "tar" / "bin", folder / "tar" / "share/sphereface");

  const Finished fields = runCommand({"dpkg-deb", "--field", deb, "Depends"});
  ASSERT_EQ(fields.code, 0) << fields.output;
  for (const char* package :
       {"openmpi-bin", "libdnnl", "liblmdb0", "libopencv-core", "libprotobuf"})
    EXPECT_NE(fields.output.find(package), std::string::npos) << package << "\n" << fields.output;
  const Finished extracted = runCommand({"dpkg-deb", "--extract", deb, (folder / "deb").string()});
  ASSERT_EQ(extracted.code, 0) << extracted.output;
  EXPECT_EQ(runCommand({(folder / "deb/usr/bin/sphereface").string(), "--version"}).code, 0);
}

}  // namespace
}  // namespace sphereface::testing
