// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/open_set_report.h"

#include <cmath>
#include <iomanip>
#include <numeric>
#include <span>
#include <sstream>
#include <vector>

#include "base/error.h"
#include "report/spread.h"

namespace sphereface {
namespace {

Spread spreadOfDraws(const OpenSetResult::AtFar& at_far, double OpenSetRate::*number) {
  std::vector<double> values;
  for (const OpenSetRate& rate : at_far.draws)
    values.push_back(rate.*number);
  return spreadOf(values);
}

double mean(const std::vector<size_t>& counts) {
  return std::accumulate(counts.begin(), counts.end(), 0.0) / static_cast<double>(counts.size());
}

}  // namespace

std::string openSetTable(const OpenSetResult& result) {
  std::ostringstream out;
  out << std::fixed << "gallery of " << result.gallery_people << " people, " << result.photographs
      << " photograph" << (result.photographs == 1 ? "" : "s") << " each; " << std::setprecision(0)
      << mean(result.genuine) << " probes of them, " << mean(result.impostors) << " of others; "
      << result.rank1.size() << " draws\n\n";
  const Spread rank1 = spreadOf(result.rank1);
  out << std::setprecision(2) << "rank 1 without a threshold  " << 100 * rank1.mean << " +- "
      << 100 * rank1.std << " %\n\n"
      << "   FAR <=       DIR (mean, std)   threshold\n";
  for (const OpenSetResult::AtFar& at_far : result.at_far) {
    const Spread dir = spreadOfDraws(at_far, &OpenSetRate::dir);
    const double threshold = spreadOfDraws(at_far, &OpenSetRate::threshold).mean;
    out << std::setprecision(2) << std::setw(7) << 100 * at_far.asked << " %" << std::setw(10)
        << 100 * dir.mean << " +- " << std::setw(5) << 100 * dir.std << " %" << std::setw(11)
        << std::setprecision(4);
    if (std::isfinite(threshold)) {
      out << threshold << '\n';
    } else {
      out << "none" << '\n';
    }
  }
  return out.str();
}

Json openSetJson(const OpenSetResult& result, const FeatureSet& features) {
  Json json = {{"gallery_people", result.gallery_people},
               {"photographs", result.photographs},
               {"draws", result.rank1.size()},
               {"genuine_probes", mean(result.genuine)},
               {"impostor_probes", mean(result.impostors)},
               {"rank1", spreadJson(spreadOf(result.rank1))}};
  json["at_far"] = Json::array();
  for (const OpenSetResult::AtFar& at_far : result.at_far) {
    json["at_far"].push_back(
        {{"far", at_far.asked},
         {"dir", spreadJson(spreadOfDraws(at_far, &OpenSetRate::dir))},
         {"threshold", spreadJson(spreadOfDraws(at_far, &OpenSetRate::threshold))}});
  }
  json["mirror"] = features.mirror;
  json["model_sha256"] = features.model_sha256;
  return json;
}

double openSetThreshold(const std::filesystem::path& file, double far,
                        const std::string& model_sha256, const std::string& mirror) {
  const Json json = readJsonFile(file);
  try {
    if (json.at("model_sha256") != model_sha256) {
      throw Error(concat(file.string(), " was measured with the model ",
                         json.at("model_sha256").get<std::string>(), ", the checkpoint has ",
                         model_sha256));
    }
    if (json.at("mirror") != mirror) {
      throw Error(concat(file.string(), " was measured with --mirror ",
                         json.at("mirror").get<std::string>(), ", not ", mirror));
    }
    for (const Json& rate : json.at("at_far")) {
      if (rate.at("far") == far) return rate.at("threshold").at("mean").get<double>();
    }
  } catch (const JsonError&) {
    throw Error(concat(file.string(),
                       ": not a result of `evaluate open-set` with a threshold for "
                       "a false alarm rate of ",
                       far));
  }
  throw Error(concat(file.string(), " has no false alarm rate ", far));
}

}  // namespace sphereface
