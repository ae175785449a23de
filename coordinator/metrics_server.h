// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <prometheus/registry.h>

#include <memory>
#include <string>

namespace sphereface {

/// Serves /metrics over HTTP until destroyed.
class MetricsServer {
 public:
  /// `listen`: ADDRESS:PORT; port 0 takes a free one.
  /// errors: Error when the address can't be bound.
  MetricsServer(const std::string& listen, std::shared_ptr<prometheus::Registry> registry);
  ~MetricsServer();

  /// http://ADDRESS:PORT/metrics
  const std::string& url() const { return url_; }

 private:
  struct Server;
  std::unique_ptr<Server> server_;
  std::string url_;
};

}  // namespace sphereface
