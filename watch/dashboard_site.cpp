// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "watch/dashboard_site.h"

#include <map>
#include <memory>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "watch/pages.h"

namespace sphereface {
namespace {

constexpr double kFreshSeconds = 0.25;

/// A document that is made when it is asked for and has grown old.
class Document {
 public:
  Document(std::string type, std::function<std::string()> make)
      : type_(std::move(type)), make_(std::move(make)) {}

  HttpResponse get() {
    if (text_.empty() || secondsNow() - made_ > kFreshSeconds) {
      text_ = make_();
      made_ = secondsNow();
    }
    return {200, type_, text_};
  }

 private:
  std::string type_;
  std::function<std::string()> make_;
  std::string text_;
  double made_ = 0;
};

using Documents = std::map<std::string, Document>;

void addJson(Documents& documents, const std::string& path, std::function<Json()> make) {
  documents.try_emplace(path, "application/json",
                        [make = std::move(make)] { return jsonText(make()); });
}

void addFile(Documents& documents, const std::string& path, const std::string& type,
             const std::string& name) {
  documents.try_emplace(path, type, [name] { return std::string(pageFile(name)); });
}

}  // namespace

HttpHandler dashboardSite(RunView& view, const std::function<std::string()>& metrics) {
  auto documents = std::make_shared<Documents>();
  addFile(*documents, "/", "text/html; charset=utf-8", "index.html");
  addFile(*documents, "/dashboard.css", "text/css; charset=utf-8", "dashboard.css");
  for (const char* script : {"chart.min.js", "charts.js", "dashboard.js"})
    addFile(*documents, concat("/", script), "text/javascript; charset=utf-8", script);
  addJson(*documents, "/api/state", [&view] { return view.state(); });
  addJson(*documents, "/api/history", [&view] { return view.history(); });
  addJson(*documents, "/api/evaluations", [&view] { return view.evaluations(); });
  if (metrics) {
    documents->try_emplace("/metrics", "text/plain; version=0.0.4; charset=utf-8", metrics);
  }
  return [documents](const std::string& path) -> HttpResponse {
    const auto found = documents->find(path);
    if (found == documents->end()) return {404, "text/plain; charset=utf-8", "no such page\n"};
    return found->second.get();
  };
}

}  // namespace sphereface
