// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Forecasts of runs whose configurations are at the ends of what is allowed, one number each.

#include <gtest/gtest.h>

#include <cmath>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/temporary_folder.h"
#include "model/train_config.h"
#include "plan/forecast.h"
#include "plan/plan_report.h"
#include "tests/support/config_fields.h"

namespace sphereface {
namespace {

TEST(PlanSweep, EndsOfWhatIsAllowedAreForecast) {
  const TemporaryFolder folder;
  const std::filesystem::path file = folder / "c.textproto";
  writeFileAtomically(file,
                      "data { lmdb: \"x\" }\n"
                      "network {\n"
                      "  name: \"custom\" height: 8 width: 8 embedding: 4 stage { channels: 4 }\n"
                      "}\n"
                      "solver { steps: 5 }\n");
  int planned = 0;
  int refused = 0;
  for (const testing::NumberField& field : testing::numberFields()) {
    for (const std::string& value : field.values()) {
      if (!field.has(value)) continue;
      for (const char* also : {"head.type=A_SOFTMAX", "head.type=COSFACE", "solver.policy=POLY",
                               "solver.policy=STEP", "head.lambda.minimum=1e-9"}) {
        PlannedRun run;
        try {
          std::vector<std::string> settings = {also, field.setting(value)};
          if (settings[0] == "solver.policy=STEP" && field.path != "solver.stepsize") {
            settings.emplace_back("solver.stepsize=2");
          }
          run.config = loadTrainConfig(file, settings);
          checkWorkers(run.config, run.workers);
        } catch (const UsageError&) {
          ++refused;  // by a rule between fields
          continue;
        }
        run.records = 1000;
        run.classes = 10;
        run.host_threads = 2;
        run.host_memory = size_t{1} << 33;
        const Forecast forecast = forecastRun(run);
        EXPECT_FALSE(planText(run, forecast, {}).empty());
        EXPECT_FALSE(planJson(run, forecast, {}).is_null());
        for (const ScheduleRow& row : forecast.schedule) {
          EXPECT_TRUE(std::isfinite(row.learning_rate) && row.learning_rate >= 0) << field.path;
          EXPECT_TRUE(std::isfinite(row.head.lambda) && row.head.lambda >= 0) << field.path;
          EXPECT_LE(row.step, forecast.length.steps) << field.path;
        }
        ++planned;
      }
    }
  }
  std::printf("%d forecasts, %d refused by a rule between fields\n", planned, refused);
  EXPECT_GT(planned, 500);
}

}  // namespace
}  // namespace sphereface
