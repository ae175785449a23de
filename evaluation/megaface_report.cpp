// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/megaface_report.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <iomanip>
#include <sstream>

namespace sphereface {
namespace {

constexpr std::array<size_t, 3> kRanks = {1, 10, 100};

Json curveJson(const Curve& curve) {
  return Json::array({curve.x, curve.y});
}

std::string farName(double far) {
  char text[16];
  std::snprintf(text, sizeof text, "1e%d", static_cast<int>(std::lround(std::log10(far))));
  return text;
}

/// The columns of the table, as fractions.
std::vector<double> ratesOf(const MegafaceResult& result) {
  std::vector<double> rates;
  rates.reserve(kRanks.size() + result.tar_at_far.size());
  for (const size_t rank : kRanks)
    rates.push_back(result.rateAtRank(rank));
  rates.insert(rates.end(), result.tar_at_far.begin(), result.tar_at_far.end());
  return rates;
}

void printRates(std::ostringstream& out, const std::vector<double>& rates) {
  for (const double rate : rates)
    out << std::setw(10) << std::fixed << std::setprecision(3) << 100 * rate;
  out << "\n";
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
               {"rank1", result.rateAtRank(1)}};
  for (const size_t rank : kRanks)
    json["rank"][std::to_string(rank)] = result.rateAtRank(rank);
  for (size_t i = 0; i < kMegafaceFars.size(); ++i)
    json["tar_at_far"][farName(kMegafaceFars[i])] = result.tar_at_far[i];
  json["cmc"] = curveJson(result.cmc);
  json["roc"] = curveJson(result.roc);
  if (result.traditional_cmc) json["traditional_cmc"] = curveJson(*result.traditional_cmc);
  return json;
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

}  // namespace

const MegafaceRun& mainRun(const std::vector<MegafaceRun>& runs) {
  return *std::max_element(runs.begin(), runs.end(),
                           [](const MegafaceRun& a, const MegafaceRun& b) {
                             if (a.cleaned != b.cleaned) return b.cleaned;
                             return a.result.distractors < b.result.distractors;
                           });
}

std::string megafaceTable(const std::vector<MegafaceRun>& runs) {
  std::ostringstream out;
  size_t width = 16;
  for (const MegafaceRun& run : runs)
    width = std::max(width, run.distractor_list.size() + 10);
  const auto begin = [&](const std::string& name, size_t distractors) {
    out << "  " << std::left << std::setw(static_cast<int>(width)) << name << std::right
        << std::setw(12) << distractors;
  };
  out << "  " << std::left << std::setw(static_cast<int>(width)) << "%" << std::right
      << std::setw(12) << "distractors";
  for (const size_t rank : kRanks)
    out << std::setw(10) << "rank " + std::to_string(rank);
  for (const double far : kMegafaceFars)
    out << std::setw(10) << "TAR@" + farName(far);
  out << "\n";
  for (const MegafaceRun& run : runs) {
    begin(run.distractor_list + (run.cleaned ? " cleaned" : ""), run.result.distractors);
    printRates(out, ratesOf(run.result));
  }
  for (const std::vector<const MegafaceRun*>& group : bySize(runs)) {
    if (group.size() < 2) continue;
    std::vector<double> mean(ratesOf(group[0]->result).size());
    std::vector<double> deviation(mean.size());
    const auto count = static_cast<double>(group.size());
    for (size_t k = 0; k < mean.size(); ++k) {
      for (const MegafaceRun* run : group)
        mean[k] += ratesOf(run->result)[k] / count;
      for (const MegafaceRun* run : group) {
        const double difference = ratesOf(run->result)[k] - mean[k];
        deviation[k] += difference * difference / (count - 1);
      }
      deviation[k] = std::sqrt(deviation[k]);
    }
    const std::string cleaned = group[0]->cleaned ? " cleaned" : "";
    begin("mean of " + std::to_string(group.size()) + cleaned, group[0]->listed);
    printRates(out, mean);
    begin("  deviation", group[0]->listed);
    printRates(out, deviation);
  }
  return out.str();
}

Json megafaceJson(const std::vector<MegafaceRun>& runs, const MegafaceSetting& setting) {
  Json json = {{"protocol", setting.devkit ? "megaface-devkit" : "megaface"},
               {"probe_list", setting.probe_list},
               {"probe_list_sha256", setting.probe_list_sha256},
               {"feature_dim", setting.feature_dim},
               {"model_sha256", setting.model_sha256}};
  json.update(runJson(mainRun(runs)));
  json["runs"] = Json::array();
  for (const MegafaceRun& run : runs)
    json["runs"].push_back(runJson(run));
  return json;
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

}  // namespace sphereface
