// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "watch/run_monitor.h"

#include <prometheus/text_serializer.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "watch/dashboard_site.h"
#include "watch/page_token.h"

namespace sphereface {

RunMonitor::RunMonitor(const std::filesystem::path& run, const CoordinatorConfig& config,
                       const RunIdentity& identity)
    : run_{run}, metrics_(identity), view_(run, [this] {
        const std::lock_guard lock(mutex_);
        return std::optional(live_);
      }) {
  live_.time = live_.last_step = live_.last_checkpoint = unixTime();
  if (config.listen().empty()) return;
  if (config.listen_token()) {
    token_ = newPageToken();
    writePrivateFile(run_.pageToken(), token_);
  }
  server_.emplace(config.listen(), "coordinator.listen",
                  dashboardSite(view_, [this] { return scrape(); }), token_);
  writeJsonFile(
      run_.targets(),
      Json::array({{{"targets", {server_->address()}}, {"labels", {{"run", identity.name}}}}}));
}

RunMonitor::~RunMonitor() {
  if (!server_) return;
  try {
    writeJsonFile(run_.targets(), Json::array());
    if (!token_.empty()) std::filesystem::remove(run_.pageToken());
  } catch (const std::exception& e) {
    std::fprintf(stderr, "sphereface-coordinator: %s\n", e.what());
  }
}

void RunMonitor::step(const StepSummary& step) {
  metrics_.step(step);
  const std::lock_guard lock(mutex_);
  live_.last_step = unixTime();
}

void RunMonitor::interval(const IntervalSummary& interval, const std::vector<std::string>& hosts) {
  metrics_.interval(interval.figures);
  for (size_t i = 0; i < std::min(interval.ranks.size(), hosts.size()); ++i)
    metrics_.rank(static_cast<int>(i) + 1, hosts[i], interval.ranks[i]);
}

void RunMonitor::workers(std::vector<LastHeard> last_heard, bool heartbeats) {
  const double now = unixTime();
  const std::lock_guard lock(mutex_);
  live_.time = now;
  live_.workers = std::move(last_heard);
  live_.heartbeats = heartbeats;
  const auto silent = std::ranges::count_if(
      live_.workers, [&](const LastHeard& worker) { return isSilent(live_, worker, now); });
  metrics_.workers(live_.workers, static_cast<int>(silent), now);
}

void RunMonitor::leased(uint64_t until_step) {
  metrics_.leased(until_step);
  const std::lock_guard lock(mutex_);
  live_.leased_until = until_step;
}

void RunMonitor::checkpoint(uint64_t step, double seconds) {
  const double now = unixTime();
  metrics_.checkpoint(step, seconds, now);
  const std::lock_guard lock(mutex_);
  live_.last_checkpoint = now;
}

std::string RunMonitor::scrape() {
  for (const Json& score : view_.newestScores())
    metrics_.evaluation(score);
  metrics_.process();
  return prometheus::TextSerializer().Serialize(metrics_.registry()->Collect());
}

std::string RunMonitor::describe() const {
  if (!server_) return "no dashboard or metrics, as coordinator.listen is empty";
  std::string text =
      concat("dashboard ", server_->url(), "/, metrics ", server_->url(), "/metrics");
  if (!token_.empty()) {
    text += concat("; for whom has the token in ", run_.pageToken().string(), ": ",
                   secretAddress(server_->url(), "TOKEN"));
  } else if (!server_->loopback()) {
    text += " (open to every host that can reach this one)";
  }
  return text;
}

std::string RunMonitor::secretUrl() const {
  return token_.empty() ? "" : secretAddress(server_->url(), token_);
}

}  // namespace sphereface
