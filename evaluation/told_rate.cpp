// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/told_rate.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/progress.h"
#include "report/numbers.h"

namespace sphereface {

std::string whyUntold(const ScoresOfKinds& scores, double far) {
  // 1 / x of a decimal fraction may be a rounding away from a whole number.
  constexpr double kRounding = 1e-9;
  const auto needed = static_cast<uint64_t>(std::ceil(1 / far * (1 - kRounding)));
  if (scores.different < needed) {
    return concat("needs ", needed, " scores of different people, has ", scores.different);
  }
  if (scores.same == 0) return "needs scores of the same person, has 0";
  if (scores.all_equal) return "needs scores that differ, all are equal";
  return "";
}

RateInterval wilsonInterval(double rate, double trials) {
  constexpr double kZ = 1.959963984540054;  // 97.5 % of a normal distribution lie below
  const double squared = kZ * kZ / trials;
  const double centre = (rate + squared / 2) / (1 + squared);
  const double half =
      std::sqrt(rate * (1 - rate) * squared + squared * squared / 4) / (1 + squared);
  // The bounds at 0 and 1 are exact, but for rounding.
  return {rate == 0 ? 0 : std::max(0.0, centre - half),
          rate == 1 ? 1 : std::min(1.0, centre + half)};
}

double effectiveTrials(std::span<const PersonTrials> people) {
  double persons = 0;
  double right = 0;
  double trials = 0;
  for (const PersonTrials& person : people) {
    persons += person.trials > 0 ? 1 : 0;
    right += static_cast<double>(person.right);
    trials += static_cast<double>(person.trials);
  }
  const double rate = right / trials;
  double squares = 0;  // of what each is above or below the rate
  double sizes = 0;    // squared
  for (const PersonTrials& person : people) {
    const auto own = static_cast<double>(person.trials);
    const double more = static_cast<double>(person.right) - rate * own;
    squares += more * more;
    sizes += own * own;
  }
  if (squares == 0 || persons < 2) return trials * trials / sizes;
  const double variance = squares / (trials * trials) * persons / (persons - 1);
  return std::clamp(rate * (1 - rate) / variance, 1.0, trials);
}

ToldRate tell(const std::string& reason, double rate, double trials) {
  if (!reason.empty()) return {{}, {}, reason};
  return {rate, wilsonInterval(rate, trials), ""};
}

std::string rateText(const ToldRate& told, int decimals) {
  if (told.rate) return percent(*told.rate, decimals);
  // How many, or the words up to what there is.
  const size_t number = told.reason.find_first_of("0123456789");
  const size_t comma = told.reason.find(',');
  return "n/a: " + told.reason.substr(0, std::min(comma, told.reason.find(' ', number)));
}

std::vector<std::string> rateFigure(const ToldRate& told, const std::string& name, int decimals) {
  if (!told.rate) return {"n/a", concat(name, ": ", told.reason)};
  return {percent(*told.rate, decimals), concat(name, ", 95 %: ", intervalText(told, decimals))};
}

std::string intervalText(const ToldRate& told, int decimals) {
  if (!told.rate) return "";
  return concat(fixed(100 * told.interval.low, decimals), " .. ",
                percent(told.interval.high, decimals));
}

std::string warningText(std::span<const std::string> warnings) {
  std::string text = warnings.empty() ? "" : "\n";
  for (const std::string& warning : warnings)
    text += concat("warning: ", warning, "\n");
  return text;
}

Json rateJson(const ToldRate& told) {
  return told.rate ? Json(*told.rate) : Json();
}

Json intervalJson(const ToldRate& told) {
  if (!told.rate) return {};
  return Json::array({told.interval.low, told.interval.high});
}

}  // namespace sphereface
