// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "watch/comparison_page.h"

#include <string>
#include <string_view>

#include "base/atomic_file.h"
#include "run/run_folder.h"
#include "watch/pages.h"
#include "watch/run_view.h"

namespace sphereface {
namespace {

/// In a script element nothing may look like its end.
std::string inScript(const Json& data) {
  std::string text;
  for (const char c : jsonText(data))
    c == '<' ? text += "\\u003c" : text += c;
  return text;
}

}  // namespace

void writeComparisonPage(const std::filesystem::path& file, const std::vector<ComparedRun>& runs) {
  Json data = Json::array();
  for (const ComparedRun& run : runs) {
    const Json history = RunView(run.folder).history();
    data.push_back({{"row", run.row},
                    {"images_per_step", run.images_per_step},
                    {"config", readFile(RunFolder{run.folder}.config())},
                    {"figures", history.at("figures")},
                    {"curves", history.at("curves")}});
  }
  // "{{name}}" stands for a file of watch/pages/, or for the data.
  std::string page;
  std::string_view rest = pageFile("compare.html");
  for (size_t begin = rest.find("{{"); begin != std::string_view::npos; begin = rest.find("{{")) {
    const size_t end = rest.find("}}", begin);
    const std::string_view name = rest.substr(begin + 2, end - begin - 2);
    page += rest.substr(0, begin);
    name == "data" ? page += inScript(data) : page += pageFile(name);
    rest.remove_prefix(end + 2);
  }
  page += rest;
  writeFileAtomically(file, page);
}

}  // namespace sphereface
