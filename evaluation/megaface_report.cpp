// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/megaface_report.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <opencv2/core.hpp>

#include "base/error.h"
#include "base/image_file.h"
#include "base/progress.h"
#include "evaluation/told_rate.h"
#include "report/html_page.h"
#include "report/numbers.h"
#include "report/plot.h"
#include "report/text_table.h"

namespace sphereface {
namespace {

constexpr std::array<size_t, 3> kRanks = {1, 10, 100};
constexpr int kDecimals = 3;
constexpr size_t kBins = 60;
constexpr size_t kCurvePoints = 200;
constexpr const char* kIntervals =
    "Below each rate: Wilson's interval of 95 %, in which a person's searches count as fewer when "
    "they end alike.";

const MegafaceRun& mainRun(const std::vector<MegafaceRun>& runs) {
  return *std::max_element(runs.begin(), runs.end(),
                           [](const MegafaceRun& a, const MegafaceRun& b) {
                             if (a.cleaned != b.cleaned) return b.cleaned;
                             return a.result.distractors < b.result.distractors;
                           });
}

std::string nameOf(const MegafaceRun& run) {
  return run.distractor_list + (run.cleaned ? ", cleaned" : "");
}

/// "1e-6"
std::string farName(double far) {
  return concat("1e", std::lround(std::log10(far)));
}

/// What ratesOf() has.
std::vector<std::string> rateNames() {
  std::vector<std::string> names;
  names.reserve(kRanks.size() + kMegafaceFars.size());
  for (const size_t rank : kRanks)
    names.push_back(concat("rank ", rank));
  for (const double far : kMegafaceFars)
    names.push_back("TAR@" + farName(far));
  return names;
}

ToldRate toldRank(const MegafaceResult& result, size_t rank) {
  std::string reason;
  if (result.distractors < rank) {
    // Every search ends at that rank or a better one.
    reason = concat("needs ", rank, " distractors, has ", result.distractors);
  } else if (result.all_scores_equal) {
    reason = whyUntold({result.searches, result.negatives, true}, 1);
  }
  std::vector<PersonTrials> people;
  people.reserve(result.by_person.size());
  for (const MegafacePerson& person : result.by_person) {
    const auto found = std::count_if(person.above.begin(), person.above.end(),
                                     [&](uint64_t above) { return above < rank; });
    people.push_back({static_cast<uint64_t>(found), person.above.size()});
  }
  return tell(reason, result.rateAtRank(rank), effectiveTrials(people));
}

ToldRate toldTar(const MegafaceResult& result, size_t far) {
  std::vector<PersonTrials> people;
  people.reserve(result.by_person.size());
  for (const MegafacePerson& person : result.by_person)
    people.push_back({person.accepted[far], person.positives});
  return tell(whyUntold({result.positives.size(), result.negatives, result.all_scores_equal},
                        kMegafaceFars[far]),
              result.tar_at_far[far], effectiveTrials(people));
}

/// Of rateNames().
std::vector<ToldRate> ratesOf(const MegafaceResult& result) {
  std::vector<ToldRate> rates;
  rates.reserve(kRanks.size() + kMegafaceFars.size());
  for (const size_t rank : kRanks)
    rates.push_back(toldRank(result, rank));
  for (size_t far = 0; far < kMegafaceFars.size(); ++far)
    rates.push_back(toldTar(result, far));
  return rates;
}

/// Rates and the lines below them, of each run and of those of one size.
struct RateRow {
  std::string name;
  std::string distractors;
  std::vector<std::string> cells;
};

/// In percent, without its sign.
std::string bareRate(const ToldRate& told) {
  return told.rate ? fixed(100 * *told.rate, kDecimals) : rateText(told);
}

void addRunRows(const MegafaceRun& run, std::vector<RateRow>& rows) {
  RateRow rates{nameOf(run), std::to_string(run.result.distractors), {}};
  RateRow low{"  95 %: from", "", {}};
  RateRow high{"  95 %: to", "", {}};
  for (const ToldRate& told : ratesOf(run.result)) {
    rates.cells.push_back(bareRate(told));
    low.cells.push_back(told.rate ? fixed(100 * told.interval.low, kDecimals) : "");
    high.cells.push_back(told.rate ? fixed(100 * told.interval.high, kDecimals) : "");
  }
  rows.insert(rows.end(), {rates, low, high});
}

/// Mean and deviation of the runs of one size.
void addGroupRows(const std::vector<const MegafaceRun*>& group, std::vector<RateRow>& rows) {
  RateRow means{concat("mean of ", group.size(), group[0]->cleaned ? ", cleaned" : ""),
                std::to_string(group[0]->listed),
                {}};
  RateRow deviations{"  deviation", "", {}};
  for (size_t k = 0; k < rateNames().size(); ++k) {
    std::vector<double> values;
    std::string untold;
    for (const MegafaceRun* run : group) {
      const ToldRate told = ratesOf(run->result)[k];
      if (told.rate) values.push_back(*told.rate);
      if (!told.rate) untold = bareRate(told);
    }
    const Spread spread = values.empty() ? Spread{} : spreadOf(values);
    means.cells.push_back(untold.empty() ? fixed(100 * spread.mean, kDecimals) : untold);
    deviations.cells.push_back(untold.empty() ? fixed(100 * spread.sample_deviation, kDecimals)
                                              : "");
  }
  rows.insert(rows.end(), {means, deviations});
}

/// Runs of one size, cleaned or not, in the order of the first of each.
std::vector<std::vector<const MegafaceRun*>> bySize(const std::vector<MegafaceRun>& runs) {
  std::vector<std::vector<const MegafaceRun*>> groups;
  for (const MegafaceRun& run : runs) {
    const auto same = [&](const std::vector<const MegafaceRun*>& group) {
      return group[0]->cleaned == run.cleaned && group[0]->listed == run.listed;
    };
    const auto group = std::find_if(groups.begin(), groups.end(), same);
    if (group == groups.end()) {
      groups.push_back({&run});
    } else {
      group->push_back(&run);
    }
  }
  return groups;
}

Json curveJson(const Curve& curve) {
  return Json::array({curve.x, curve.y});
}

Json runJson(const MegafaceRun& run) {
  const MegafaceResult& result = run.result;
  Json json = {{"distractor_list", run.distractor_list},
               {"distractor_list_sha256", run.distractor_list_sha256},
               {"cleaned", run.cleaned},
               {"probes", result.probes},
               {"people", result.people},
               {"distractors", result.distractors},
               {"searches", result.searches},
               {"positives", result.positives.size()},
               {"negatives", result.negatives},
               {"rank1", rateJson(toldRank(result, 1))}};
  json["reasons"] = Json::object();
  const auto add = [&](const std::string& rates, const std::string& key, const ToldRate& told) {
    json[rates][key] = rateJson(told);
    json[rates + "_interval"][key] = intervalJson(told);
    if (!told.rate) json["reasons"][concat(rates, ".", key)] = told.reason;
  };
  for (const size_t rank : kRanks)
    add("rank", std::to_string(rank), toldRank(result, rank));
  for (size_t far = 0; far < kMegafaceFars.size(); ++far)
    add("tar_at_far", farName(kMegafaceFars[far]), toldTar(result, far));
  json["cmc"] = curveJson(result.cmc);
  json["roc"] = curveJson(result.roc);
  if (result.traditional_cmc) json["traditional_cmc"] = curveJson(*result.traditional_cmc);
  return json;
}

/// A point keeps its height until the next one: what lies between was left out of the curve.
Series stairs(const std::string& label, const Curve& curve, double shift, double lowest) {
  Series series{label, {}, {}};
  for (size_t i = 0; i < curve.x.size(); ++i) {
    const double x = std::max(lowest, curve.x[i] + shift);
    if (i > 0) {
      series.x.push_back(x);
      series.y.push_back(curve.y[i - 1]);
    }
    series.x.push_back(x);
    series.y.push_back(curve.y[i]);
  }
  return series;
}

Panel cmcPanel(const std::vector<MegafaceRun>& runs) {
  Panel panel{.x_label = "rank",
              .y_label = "share of searches that find the mate by this rank",
              .log_x = true};
  for (const MegafaceRun& run : runs)
    panel.series.push_back(stairs(nameOf(run), run.result.cmc, 1, 1));
  return panel;
}

Panel rocPanel(const std::vector<MegafaceRun>& runs) {
  Panel panel{.x_label = "false accept rate",
              .y_label = "true accept rate",
              .log_x = true,
              .y_range = Range{0, 1}};
  uint64_t negatives = 1;
  for (const MegafaceRun& run : runs)
    negatives = std::max(negatives, run.result.negatives);
  const double lowest = 1 / static_cast<double>(negatives);
  for (const MegafaceRun& run : runs)
    panel.series.push_back(stairs(nameOf(run), run.result.roc, 0, lowest));
  return panel;
}

/// Mates' scores beside those of the distractor that each probe finds most alike.
Panel scorePanel(const MegafaceResult& result, bool devkit) {
  std::vector<double> best;
  best.reserve(result.matches.size());
  for (const MegafaceMatches& matches : result.matches)
    best.push_back(matches.distractors.at(0).score);
  return histogramPanel(devkit ? "minus the squared distance" : "cosine", "scores",
                        {{"two images of a person", result.positives},
                         {"a probe and the most similar distractor", best}},
                        kBins);
}

void addPairs(const std::string& heading, const std::vector<ScoredPair>& pairs,
              const std::filesystem::path& left, const std::filesystem::path& right,
              HtmlPage& page) {
  const auto face = [](const std::filesystem::path& folder, const std::string& path) {
    return folder.empty() ? cv::Mat() : readImage(folder / path);
  };
  page.heading(heading);
  std::vector<FacePair> faces;
  faces.reserve(pairs.size());
  for (const ScoredPair& pair : pairs) {
    faces.push_back({face(left, pair.left), face(right, pair.right),
                     concat(pair.left, " and ", pair.right, ": ", fixed(pair.score, 4))});
  }
  page.facePairs(faces);
}

}  // namespace

std::vector<std::string> megafaceWarnings(const std::vector<MegafaceRun>& runs) {
  std::vector<std::string> warnings;
  for (const MegafaceRun& run : runs) {
    warnings.insert(warnings.end(), run.warnings.begin(), run.warnings.end());
    if (run.result.all_scores_equal) {
      warnings.push_back(concat(nameOf(run), ": all scores are ", run.result.positives[0],
                                ", the features tell nobody apart"));
    }
  }
  return warnings;
}

std::string megafaceTable(const std::vector<MegafaceRun>& runs) {
  std::vector<RateRow> rows;
  for (const MegafaceRun& run : runs)
    addRunRows(run, rows);
  for (const std::vector<const MegafaceRun*>& group : bySize(runs)) {
    if (group.size() > 1) addGroupRows(group, rows);
  }
  const std::vector<std::string> names = rateNames();
  std::vector<size_t> widths(names.size(), 8);
  size_t name_width = 16;
  for (const RateRow& row : rows) {
    name_width = std::max(name_width, row.name.size());
    for (size_t k = 0; k < names.size(); ++k)
      widths[k] = std::max(widths[k], row.cells[k].size());
  }
  std::vector<int> columns = {2, -static_cast<int>(name_width), 12};
  for (const size_t width : widths)
    columns.push_back(static_cast<int>(width) + 2);
  TextTable table(columns);
  std::vector<std::string> header = {"", "%", "distractors"};
  header.insert(header.end(), names.begin(), names.end());
  table.row(header);
  for (const RateRow& row : rows) {
    std::vector<std::string> cells = {"", row.name, row.distractors};
    cells.insert(cells.end(), row.cells.begin(), row.cells.end());
    table.row(cells);
  }
  return table.text() + warningText(megafaceWarnings(runs));
}

Json megafaceJson(const std::vector<MegafaceRun>& runs, const MegafaceSetting& setting) {
  Json json = {{"protocol", setting.devkit ? "megaface-devkit" : "megaface"},
               {"probe_list", setting.probe_list},
               {"probe_list_sha256", setting.probe_list_sha256},
               {"feature_dim", setting.feature_dim},
               {"model_sha256", setting.model_sha256}};
  json.update(runJson(mainRun(runs)));
  json["warnings"] = megafaceWarnings(runs);
  json["runs"] = Json::array();
  for (const MegafaceRun& run : runs)
    json["runs"].push_back(runJson(run));
  return json;
}

Json megafaceScores(const std::vector<MegafaceRun>& runs, const Json& whole) {
  Json scores = {{"benchmark", "megaface"}};
  for (const char* key : {"protocol", "rank1", "tar_at_far", "reasons", "distractors"})
    scores[key] = whole.at(key);
  const Curve& roc = mainRun(runs).result.roc;
  const size_t step = std::max<size_t>(1, (roc.x.size() + kCurvePoints - 1) / kCurvePoints);
  scores["roc"] = Json::array();
  for (size_t i = 0; i < roc.x.size(); i += step)
    scores["roc"].push_back({roc.x[i], roc.y[i]});
  return scores;
}

Json megafaceMatchesJson(const MegafaceResult& result) {
  Json json = Json::array();
  for (const MegafaceMatches& matches : result.matches) {
    Json entry = {{"distractors", {{"idx", Json::array()}, {"score", Json::array()}}},
                  {"probes", {{"idx", matches.mates}, {"rank", matches.mate_ranks}}}};
    for (const Neighbour& neighbour : matches.distractors) {
      entry["distractors"]["idx"].push_back(neighbour.column);
      entry["distractors"]["score"].push_back(neighbour.score);
    }
    json.push_back(entry);
  }
  return json;
}

std::string megafacePage(const std::vector<MegafaceRun>& runs, const MegafaceSetting& setting,
                         const MegafaceImages& images) {
  const MegafaceRun& main = mainRun(runs);
  HtmlPage page("MegaFace", nameOf(main));
  page.figures(
      {rateFigure(toldRank(main.result, 1),
                  concat("rank 1 among ", main.result.distractors, " distractors"), kDecimals),
       rateFigure(toldTar(main.result, 0), "TAR at FAR 1e-6", kDecimals)});
  for (const std::string& warning : megafaceWarnings(runs))
    page.paragraph("Warning: " + warning);
  page.heading("What was evaluated");
  page.facts({{"counting", setting.devkit ? "as the development kit's programs" : "complete"},
              {"score", setting.devkit ? "minus the squared distance" : "cosine"},
              {"probes", concat(setting.probe_list, ": ", runs[0].result.probes, " images of ",
                                runs[0].result.people, " people")},
              {"list of probes, SHA-256", setting.probe_list_sha256},
              {"model, SHA-256", orNotKnown(setting.model_sha256)},
              {"features", concat(setting.feature_dim, " numbers")}});
  page.heading("Distractors");
  std::vector<std::string> header = {"%", "distractors"};
  for (const std::string& name : rateNames())
    header.push_back(name);
  std::vector<RateRow> rows;
  for (const MegafaceRun& run : runs)
    addRunRows(run, rows);
  std::vector<std::vector<std::string>> cells;
  for (const RateRow& row : rows) {
    cells.push_back({row.name, row.distractors});
    cells.back().insert(cells.back().end(), row.cells.begin(), row.cells.end());
  }
  page.table(header, cells);
  page.paragraph(kIntervals);
  page.heading("Identification (CMC)");
  page.picture(drawFigure("", {cmcPanel(runs)}), "cumulative match characteristic over the rank");
  page.heading("Verification (ROC)");
  page.picture(drawFigure("", {rocPanel(runs)}), "true accept rate over false accept rate");
  if (setting.devkit) {
    page.paragraph("Negatives are the scores of the first 100 probes of the list.");
  }
  page.heading("Scores");
  page.paragraph(nameOf(main));
  page.picture(drawFigure("", {scorePanel(main.result, setting.devkit)}),
               "histograms of mates' and best distractors' scores");
  addPairs("Probes and distractors that are most alike", main.result.nearest_distractors,
           images.probes, images.distractors, page);
  addPairs("Images of one person that are least alike", main.result.farthest_mates, images.probes,
           images.probes, page);
  return page.text();
}

}  // namespace sphereface
