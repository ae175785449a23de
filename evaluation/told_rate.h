// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Which rates some scores can tell, and how well.
//
// A rate at FAR x is told when there are 1 / x scores of different people or more, so that one
// false accept or more is expected. With fewer the threshold is the highest of those scores
// whatever x is, and TAR at 1e-4, 1e-5 and 1e-6 would be one number under three names.
//
// The interval is Wilson's score interval of 95 % (JASA 22, 1927): never beyond 0 and 1, and of
// some width also at rates of 0 and 1. It takes trials as independent. Trials of one person aren't,
// so where a person has many, fewer are counted (effectiveTrials()). What isn't in it: that another
// sample of different people would have given another threshold.

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"

namespace sphereface {

/// The scores that a rate is read off.
struct ScoresOfKinds {
  uint64_t same = 0;
  uint64_t different = 0;
  bool all_equal = false;
};

/// Why these scores can't tell a rate at this FAR (1: an area or an error rate of all of them),
/// such as "needs 1000000 scores of different people, has 300"; empty when they can.
std::string whyUntold(const ScoresOfKinds& scores, double far);

struct RateInterval {
  double low = 0;
  double high = 1;
};

/// requires: 0 <= rate <= 1, trials > 0, which needn't be whole.
RateInterval wilsonInterval(double rate, double trials);

struct PersonTrials {
  uint64_t right = 0;
  uint64_t trials = 0;
};

/// How many independent trials tell as much of the rate as these do: all of them, divided by the
/// variance of the rate as people differ and multiplied by that of independent trials (the design
/// effect; Dean and Pagano, Journal of Survey Statistics and Methodology 3, 2015, recommend
/// Wilson's interval with it). At most the number of trials. Where everybody has the same rate, as
/// at 0 and 1, there is no variance to go by: then each person's trials count as one, (sum n)^2 /
/// sum n^2. requires: a trial.
double effectiveTrials(std::span<const PersonTrials> people);

/// A rate, or why there is none.
struct ToldRate {
  std::optional<double> rate;
  RateInterval interval;
  std::string reason;  // where there is no rate
};

/// The rate, unless there is a reason against it.
ToldRate tell(const std::string& reason, double rate, double trials);

/// "97.35 %", or "n/a: needs 1000000".
std::string rateText(const ToldRate& told, int decimals = 2);
/// For HtmlPage::figures(): the rate, or "n/a"; what it is, with its interval, or why.
std::vector<std::string> rateFigure(const ToldRate& told, const std::string& name,
                                    int decimals = 2);
/// "96.72 .. 97.87 %"; "" without a rate.
std::string intervalText(const ToldRate& told, int decimals = 2);

/// "warning: ..." for each, on lines of their own behind an empty one.
std::string warningText(std::span<const std::string> warnings);

/// A number or null; [low, high] or null.
Json rateJson(const ToldRate& told);
Json intervalJson(const ToldRate& told);

}  // namespace sphereface
