// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/blufr_report.h"

#include <iomanip>
#include <sstream>

#include "evaluation/lfw_report.h"
#include "report/spread.h"

namespace sphereface {
namespace {

/// One of the rates over the trials.
struct Rate {
  std::string name;  // "VR"
  double far = 0;
  Spread spread;
};

template <size_t kCount>
void addRates(const std::string& name, const std::array<double, kCount>& fars,
              const std::vector<BlufrTrialResult>& results,
              std::array<double, kCount> BlufrTrialResult::*values, std::vector<Rate>& rates) {
  for (size_t i = 0; i < kCount; ++i) {
    std::vector<double> of_trials;
    for (const BlufrTrialResult& result : results)
      of_trials.push_back((result.*values)[i]);
    rates.push_back({name, fars[i], spreadOf(of_trials)});
  }
}

std::vector<Rate> ratesOf(const std::vector<BlufrTrialResult>& results) {
  std::vector<Rate> rates;
  addRates("VR", kBlufrVrFars, results, &BlufrTrialResult::vr, rates);
  addRates("DIR at rank 1", kBlufrDirFars, results, &BlufrTrialResult::dir, rates);
  return rates;
}

}  // namespace

std::string blufrTable(const std::vector<BlufrTrialResult>& results) {
  std::ostringstream out;
  out << results.size() << " trials, in the first " << results[0].same_pairs
      << " pairs of the same person and " << results[0].different_pairs
      << " of different people\n\n"
      << "                      FAR       mean        std   mean - std\n";
  for (const Rate& rate : ratesOf(results)) {
    out << "  " << std::left << std::setw(14) << rate.name << std::right << std::setw(9)
        << percent(rate.far) << std::setw(11) << percent(rate.spread.mean) << std::setw(11)
        << percent(rate.spread.std) << std::setw(13) << percent(rate.spread.mean - rate.spread.std)
        << "\n";
  }
  return out.str();
}

Json blufrJson(const std::vector<BlufrTrialResult>& results, const BlufrTrials& trials,
               const FeatureSet& features) {
  Json json = {{"protocol", "blufr"},
               {"trials", results.size()},
               {"trials_sha256", trials.sha256},
               {"mirror", features.mirror},
               {"model_sha256", features.model_sha256}};
  for (const char* list : {"vr_at_far", "dir_at_far"})
    json[list] = Json::array();
  for (const Rate& rate : ratesOf(results)) {
    Json entry = {{"far", rate.far}};
    entry.update(spreadJson(rate.spread));
    entry["mean_minus_std"] = rate.spread.mean - rate.spread.std;
    json[rate.name == "VR" ? "vr_at_far" : "dir_at_far"].push_back(entry);
  }
  return json;
}

}  // namespace sphereface
