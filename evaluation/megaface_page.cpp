// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/megaface_page.h"

#include <algorithm>
#include <cstddef>
#include <iomanip>
#include <opencv2/core.hpp>
#include <sstream>
#include <string>

#include "base/error.h"
#include "base/image_file.h"
#include "evaluation/lfw_report.h"
#include "report/html_page.h"
#include "report/plot.h"

namespace sphereface {
namespace {

constexpr int kDecimals = 3;
constexpr size_t kBins = 60;
constexpr double kLeastRange = 1e-3;  // so that equal scores have one, too

std::string nameOf(const MegafaceRun& run) {
  return run.distractor_list + (run.cleaned ? ", cleaned" : "");
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
  Panel panel;
  panel.x_label = "rank";
  panel.y_label = "share of searches that find the mate by this rank";
  panel.log_x = true;
  for (const MegafaceRun& run : runs)
    panel.series.push_back(stairs(nameOf(run), run.result.cmc, 1, 1));
  return panel;
}

Panel rocPanel(const std::vector<MegafaceRun>& runs) {
  Panel panel;
  panel.x_label = "false accept rate";
  panel.y_label = "true accept rate";
  panel.log_x = true;
  panel.y_range = Range{0, 1};
  uint64_t negatives = 1;
  for (const MegafaceRun& run : runs)
    negatives = std::max(negatives, run.result.negatives);
  const double lowest = 1 / static_cast<double>(negatives);
  for (const MegafaceRun& run : runs)
    panel.series.push_back(stairs(nameOf(run), run.result.roc, 0, lowest));
  return panel;
}

/// Mates' scores beside those of the distractor that each probe finds most alike.
Panel scorePanel(const MegafaceRun& run, bool devkit) {
  std::vector<double> best;
  best.reserve(run.result.matches.size());
  for (const MegafaceMatches& matches : run.result.matches)
    best.push_back(matches.distractors.at(0).score);
  const auto [low_best, high_best] = std::minmax_element(best.begin(), best.end());
  const std::vector<double>& mates = run.result.positives;
  const auto [low_mate, high_mate] = std::minmax_element(mates.begin(), mates.end());
  const double low = std::min(*low_best, *low_mate);
  const Range range{low, std::max({*high_best, *high_mate, low + kLeastRange})};
  Panel panel;
  panel.x_label = devkit ? "minus the squared distance" : "cosine";
  panel.y_label = "% of the scores of a kind, per bin";
  panel.series = {histogram("two images of a person", mates, range, kBins),
                  histogram("a probe and the most similar distractor", best, range, kBins)};
  return panel;
}

cv::Mat faceOf(const std::filesystem::path& folder, const std::string& path) {
  return folder.empty() ? cv::Mat() : readImage(folder / path);
}

void addPairs(const std::string& heading, const std::vector<ScoredPair>& pairs,
              const std::filesystem::path& left, const std::filesystem::path& right,
              HtmlPage& page) {
  page.heading(heading);
  std::vector<FacePair> faces;
  for (const ScoredPair& pair : pairs) {
    std::ostringstream score;
    score << std::fixed << std::setprecision(4) << pair.score;
    faces.push_back({faceOf(left, pair.left), faceOf(right, pair.right),
                     concat(pair.left, " and ", pair.right, ": ", score.str())});
  }
  page.facePairs(faces);
}

}  // namespace

std::string megafacePage(const std::vector<MegafaceRun>& runs, const MegafaceSetting& setting,
                         const MegafaceImages& images) {
  const MegafaceRun& main = mainRun(runs);
  HtmlPage page("MegaFace", nameOf(main));
  page.figures({{percent(main.result.rateAtRank(1), kDecimals),
                 concat("rank 1 among ", main.result.distractors, " distractors")},
                {percent(main.result.tar_at_far[0], kDecimals), "TAR at FAR 1e-6"}});
  page.heading("What was evaluated");
  page.facts({{"counting", setting.devkit ? "as the development kit's programs" : "complete"},
              {"score", setting.devkit ? "minus the squared distance" : "cosine"},
              {"probes", concat(setting.probe_list, ": ", runs[0].result.probes, " images of ",
                                runs[0].result.people, " people")},
              {"list of probes, SHA-256", setting.probe_list_sha256},
              {"model, SHA-256", setting.model_sha256.empty() ? "not known" : setting.model_sha256},
              {"features", concat(setting.feature_dim, " numbers")}});
  page.heading("Distractors");
  std::vector<std::vector<std::string>> rows;
  for (const MegafaceRun& run : runs) {
    rows.push_back({nameOf(run), std::to_string(run.result.distractors)});
    for (const size_t rank : {1, 10, 100})
      rows.back().push_back(percent(run.result.rateAtRank(rank), kDecimals));
    for (const double tar : run.result.tar_at_far)
      rows.back().push_back(percent(tar, kDecimals));
  }
  page.table(
      {"list", "distractors", "rank 1", "rank 10", "rank 100", "TAR@1e-6", "TAR@1e-5", "TAR@1e-4"},
      rows);
  page.heading("Identification (CMC)");
  page.picture(drawFigure("", {cmcPanel(runs)}), "cumulative match characteristic over the rank");
  page.heading("Verification (ROC)");
  page.picture(drawFigure("", {rocPanel(runs)}), "true accept rate over false accept rate");
  if (setting.devkit) {
    page.paragraph("Negatives are the scores of the first 100 probes of the list.");
  }
  page.heading("Scores");
  page.paragraph(nameOf(main));
  page.picture(drawFigure("", {scorePanel(main, setting.devkit)}),
               "histograms of mates' and best distractors' scores");
  addPairs("Probes and distractors that are most alike", main.result.nearest_distractors,
           images.probes, images.distractors, page);
  addPairs("Images of one person that are least alike", main.result.farthest_mates, images.probes,
           images.probes, page);
  return page.text();
}

}  // namespace sphereface
