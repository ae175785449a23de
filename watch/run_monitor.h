// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What others can see of a job: the coordinator tells it what happens, and it serves that as
// metrics and as the dashboard, from threads of its own.

#pragma once

#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "proto/config.pb.h"
#include "run/run_folder.h"
#include "run/run_log.h"
#include "watch/http_server.h"
#include "watch/live_status.h"
#include "watch/metrics.h"
#include "watch/run_view.h"

namespace sphereface {

class RunMonitor {
 public:
  /// Also writes prometheus_targets.json, by which Prometheus finds it (file_sd), into the run
  /// folder, and with listen_token page_token. `listen` empty: nothing is served. errors: as
  /// HttpServer's, or Error naming the file.
  RunMonitor(const std::filesystem::path& run, const CoordinatorConfig& config,
             const RunIdentity& identity);
  RunMonitor(const RunMonitor&) = delete;
  RunMonitor& operator=(const RunMonitor&) = delete;
  /// Leaves prometheus_targets.json with no target, and no page_token.
  ~RunMonitor();

  void step(const StepSummary& step);
  /// `hosts`: of each worker.
  void interval(const IntervalSummary& interval, const std::vector<std::string>& hosts);
  /// To be called every second or so, also while nothing happens.
  void workers(std::vector<LastHeard> last_heard, bool heartbeats);
  void leased(uint64_t until_step);
  void checkpoint(uint64_t step, double seconds);
  void rollBack() { metrics_.count("roll_backs"); }
  void stragglers(int count) { metrics_.stragglers(count); }

  /// For the user: where it is served, and to whom. Doesn't have the token, as others may read it.
  std::string describe() const;
  /// The page's address with its token; empty when there is none.
  std::string secretUrl() const;

 private:
  std::string scrape();

  RunFolder run_;
  std::string token_;
  std::mutex mutex_;
  LiveStatus live_;
  Metrics metrics_;
  RunView view_;
  std::optional<HttpServer> server_;
};

}  // namespace sphereface
