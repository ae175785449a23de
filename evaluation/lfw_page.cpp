// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/lfw_page.h"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/progress.h"
#include "evaluation/hard_pairs.h"
#include "evaluation/lfw_report.h"
#include "report/html_page.h"
#include "report/plot.h"

namespace sphereface {
namespace {

constexpr size_t kShownPairs = 12;  // of each kind: three rows

std::string known(const std::string& text) {
  return text.empty() ? "not known" : text;
}

void addHardPairs(const std::string& name, const std::vector<HardPair>& hard, const PairList& list,
                  const ImageSource& images, HtmlPage& page) {
  const size_t shown = std::min(kShownPairs, hard.size());
  page.heading(concat(name, ": ", hard.size(),
                      shown < hard.size() ? concat(", the ", shown, " farthest from the threshold")
                                          : std::string()));
  if (shown == 0) {
    page.paragraph("None.");
    return;
  }
  std::vector<std::string> stems;
  for (size_t i = 0; i < shown; ++i) {
    stems.push_back(list.pairs[hard[i].pair].left);
    stems.push_back(list.pairs[hard[i].pair].right);
  }
  std::vector<size_t> faces;
  if (!images.names.empty()) faces = locateImages(stems, images.names, "pictures");
  std::vector<FacePair> pairs;
  for (size_t i = 0; i < shown; ++i) {
    FacePair pair;
    if (!faces.empty()) {
      pair.left = images.load(faces[2 * i]);
      pair.right = images.load(faces[2 * i + 1]);
    }
    pair.caption = concat(stems[2 * i], " and ", stems[2 * i + 1], ": ", fixed(hard[i].value, 4),
                          ", threshold ", fixed(hard[i].threshold, 4));
    pairs.push_back(std::move(pair));
  }
  page.facePairs(pairs);
}

}  // namespace

std::string lfwPage(const LfwResult& result, const PairList& list, const FeatureSet& features,
                    const std::string& label, const ImageSource& images) {
  HtmlPage page("Verification of pairs", label);
  page.figures({{percent(result.accuracy_mean), "accuracy, " + result.rule.name + " protocol"},
                {percent(result.auc), "area under ROC"},
                {percent(result.eer), "equal error rate"},
                {percent(result.tar_at_far_1e2), "TAR at FAR <= 1 %"},
                {percent(result.tar_at_far_1e3), "TAR at FAR <= 0.1 %"},
                {percent(result.tar_at_far_1e4), "TAR at FAR <= 0.01 %"}});
  if (!result.rule.isHeldOut()) {
    page.paragraph("The threshold was chosen on the pairs it is scored on: optimistic.");
  }
  page.heading("What was evaluated");
  page.facts({{"pairs",
               concat(list.pairs.size(), " of ", result.images, " images, ", list.folds, " folds")},
              {"list of pairs, SHA-256", list.sha256},
              {"model, SHA-256", known(features.model_sha256)},
              {"features", concat(features.dim, " numbers, mirrored image: ", features.mirror)},
              {"alignment, colours",
               concat(known(features.alignment_template), ", ", known(features.color_order))}});
  page.heading("ROC");
  page.picture(drawFigure("", {lfwRocPanel(result)}), "true accept rate over false accept rate");
  page.heading("Scores");
  page.picture(drawFigure("", {lfwScorePanel(result)}), "histograms of the pairs of both kinds");
  page.heading("Folds");
  std::vector<std::vector<std::string>> rows;
  for (size_t fold = 0; fold < result.fold_accuracy.size(); ++fold) {
    rows.push_back({std::to_string(fold + 1), percent(result.fold_accuracy[fold]),
                    fixed(result.fold_threshold[fold], 4)});
  }
  rows.push_back({"mean", percent(result.accuracy_mean), ""});
  rows.push_back({"deviation over folds", percent(result.accuracy_std), ""});
  rows.push_back({"standard error", percent(result.standard_error), ""});
  page.table({"fold", "accuracy", concat("threshold (", measureName(result.rule.measure), ")")},
             rows);
  const HardPairs hard = hardPairs(result, list);
  addHardPairs("False accepts", hard.false_accepts, list, images, page);
  addHardPairs("False rejects", hard.false_rejects, list, images, page);
  return page.text();
}

}  // namespace sphereface
