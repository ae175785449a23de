// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <gtest/gtest.h>

#include "base/error.h"
#include "coordinator/metrics.h"
#include "coordinator/metrics_server.h"
#include "tests/process.h"

namespace sphereface {
namespace {

TEST(MetricsServer, ServesWhatAStepLeft) {
  Metrics metrics(100, 2);
  StepSummary step;
  step.images = 64;
  step.loss = 5.25;
  step.lambda = 892.5;
  step.loader_seconds = 0.25;
  step.forward_seconds = 0.5;
  step.cache_hits = 48;
  step.cache_bytes = 1024;
  metrics.step(step);
  metrics.rollBack();
  const MetricsServer server("127.0.0.1:0", metrics.registry());
  const testing::Finished got = testing::runCommand({"curl", "-s", "-i", server.url()});
  if (got.code == 127) GTEST_SKIP() << "curl is not installed";
  ASSERT_EQ(got.code, 0) << got.output;
  for (const char* line :
       {"HTTP/1.1 200", "text/plain; version=0.0.4", "sphereface_loss 5.25",
        "sphereface_lambda 892.5", "sphereface_images_total 64", "sphereface_steps_total 1",
        "sphereface_loader_wait_seconds_total 0.25", "sphereface_step_seconds_total 0.75",
        "sphereface_cache_hits_total 48", "sphereface_cache_bytes 1024", "sphereface_workers 2",
        "sphereface_roll_backs_total 1"}) {
    EXPECT_NE(got.output.find(line), std::string::npos) << line << "\n" << got.output;
  }
}

TEST(MetricsServer, NamesAnAddressItCantHave) {
  Metrics metrics(1, 1);
  EXPECT_THROW(MetricsServer("nonsense", metrics.registry()), UsageError);
  const MetricsServer first("127.0.0.1:0", metrics.registry());
  const std::string& url = first.url();
  const std::string address = url.substr(7, url.rfind('/') - 7);
  try {
    const MetricsServer second(address, metrics.registry());
    FAIL() << "bound twice";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find(address), std::string::npos) << e.what();
  }
}

}  // namespace
}  // namespace sphereface
