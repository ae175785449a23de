// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "watch/run_comparison.h"

#include <algorithm>
#include <cmath>
#include <sstream>
#include <string_view>
#include <utility>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/progress.h"
#include "base/statistics.h"
#include "model/train_config.h"
#include "report/numbers.h"
#include "report/plot.h"
#include "report/text_table.h"
#include "run/run_folder.h"
#include "watch/pages.h"
#include "watch/run_curves.h"
#include "watch/run_view.h"

namespace sphereface {
namespace {

bool hasNumber(const Json& object, std::string_view field) {
  const Json* found = object.find(field);
  return found != nullptr && found->is_number();
}

/// Null when there is none. errors: Error naming lfw.json where that isn't one.
Json lfwScore(const std::filesystem::path& folder) {
  const auto is_score = [](const Json& score) {
    return hasNumber(score, "accuracy_mean") && hasNumber(score, "accuracy_std");
  };
  const std::filesystem::path file = folder / "lfw.json";
  if (exists(file)) {
    Json score = readJsonFile(file);
    if (!is_score(score)) throw Error(concat(file.string(), ": no accuracy_mean, or no std"));
    return score;
  }
  for (const Json& score : RunView(folder).newestScores()) {
    if (score.at("benchmark") == "lfw" && is_score(score)) return score;
  }
  return nullptr;
}

ComparedRun readRun(const std::filesystem::path& folder) {
  ComparedRun run;
  run.folder = folder;
  run.curves = readRunCurves(folder);
  const TrainConfig config = loadTrainConfig(RunFolder{folder}.config(), {});
  run.images_per_step =
      static_cast<uint64_t>(config.solver().batch_size()) * config.solver().iter_size();
  run.label = folder.filename().empty() ? folder.parent_path().filename().string()
                                        : folder.filename().string();
  const Json& last = run.curves.last;
  Json& row = run.row;
  row["label"] = run.label;
  row["network"] = config.network().name();
  row["head"] = headText(config.head());
  row["precision"] = WorkerConfig::Precision_Name(config.worker().precision());
  row["steps"] = last.at("step");
  row["images"] = last.at("step").get<uint64_t>() * run.images_per_step;
  for (const char* field : {"loss", "accuracy", "target_cosine"}) {
    if (!hasNumber(last, field)) {
      throw Error(
          concat(RunFolder{folder}.metrics().string(), ": no ", field, " in its last line"));
    }
    row[field] = last.at(field);
  }
  std::vector<double> rates = run.curves.values.at("images_per_second");
  std::erase_if(rates, [](double rate) { return std::isnan(rate); });
  row["images_per_second"] = median(std::move(rates));
  if (const Json lfw = lfwScore(folder); lfw.is_object()) {
    row["lfw"] = lfw.at("accuracy_mean");
    row["lfw_std"] = lfw.at("accuracy_std");
  }
  return run;
}

Panel panelOf(const std::vector<ComparedRun>& runs, const std::string& y_label, const char* field,
              double factor) {
  Panel panel;
  panel.x_label = "images seen (thousands)";
  panel.y_label = y_label;
  for (const ComparedRun& run : runs) {
    Series series = run.curves.series(field, run.label, factor);
    for (double& x : series.x)
      x *= static_cast<double>(run.images_per_step) / 1000;
    panel.series.push_back(std::move(series));
  }
  return panel;
}

/// In a script element nothing may look like its end.
std::string inScript(const Json& data) {
  std::string text;
  for (const char c : jsonText(data))
    c == '<' ? text += "\\u003c" : text += c;
  return text;
}

}  // namespace

std::string headText(const HeadConfig& head) {
  std::ostringstream text;
  text << HeadConfig::Type_Name(head.type());
  if (head.type() != HeadConfig::SOFTMAX && head.type() != HeadConfig::NORMFACE) {
    text << " m=" << headMargin(head);
  }
  if (normalizesEmbedding(headOptions(head).type)) text << " s=" << head.scale();
  if (head.type() == HeadConfig::A_SOFTMAX) {
    const bool exact = headOptions(head).gradient == HeadOptions::Gradient::kExact;
    text << (exact ? " exact" : " published") << " gradient";
  }
  return text.str();
}

std::vector<ComparedRun> readRuns(const std::vector<std::filesystem::path>& folders) {
  std::vector<ComparedRun> runs;
  runs.reserve(folders.size());
  for (const std::filesystem::path& folder : folders)
    runs.push_back(readRun(folder));
  return runs;
}

std::string comparisonTable(const std::vector<ComparedRun>& runs) {
  size_t label_width = 4;
  size_t head_width = 4;
  for (const ComparedRun& run : runs) {
    label_width = std::max(label_width, run.label.size() + 2);
    head_width = std::max(head_width, run.row.at("head").text().size() + 2);
  }
  TextTable table(
      {-static_cast<int>(label_width), -16, -static_cast<int>(head_width), 9, 10, 11, 8, 10, 0});
  table.row(
      {"run", "network", "head", "images", "loss", "accuracy", "cosine", "images/s", "   LFW"});
  for (const ComparedRun& run : runs) {
    const Json& row = run.row;
    const auto number = [&](const char* field) { return row.at(field).get<double>(); };
    const std::string lfw = row.contains("lfw") ? concat(fixed(100 * number("lfw"), 2), " +- ",
                                                         percent(number("lfw_std")))
                                                : "-";
    table.row({run.label, row.at("network").text(), row.at("head").text(),
               jsonText(row.at("images")), fixed(number("loss"), 4), percent(number("accuracy"), 1),
               fixed(number("target_cosine"), 3), fixed(number("images_per_second"), 0),
               "   " + lfw});
  }
  return table.text();
}

Json comparisonJson(const std::vector<ComparedRun>& runs) {
  Json json = Json::array();
  for (const ComparedRun& run : runs)
    json.push_back(run.row);
  return {{"runs", json}};
}

void writeComparisonPlot(const std::filesystem::path& file, const std::vector<ComparedRun>& runs) {
  if (file.has_parent_path()) std::filesystem::create_directories(file.parent_path());
  writeFigure(file, "Training compared",
              {panelOf(runs, "accuracy on training batches (%)", "accuracy", 100),
               panelOf(runs, "cosine to the own class", "target_cosine", 1),
               panelOf(runs, "loss, each head's own", "loss", 1),
               panelOf(runs, "learning rate", "learning_rate", 1)});
}

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
