// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/told_rate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "base/random.h"
#include "report/numbers.h"

namespace sphereface {
namespace {

TEST(ToldRate, IsToldFromOneExpectedFalseAcceptOn) {
  EXPECT_EQ(whyUntold({10, 1000000, false}, 1e-6), "");
  EXPECT_EQ(whyUntold({10, 999999, false}, 1e-6),
            "needs 1000000 scores of different people, has 999999");
  EXPECT_EQ(whyUntold({10, 300, false}, 1e-3), "needs 1000 scores of different people, has 300");
  EXPECT_EQ(whyUntold({10, 300, false}, 1e-2), "");
  for (const double far : {1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6}) {
    const auto needed = static_cast<uint64_t>(std::llround(1 / far));
    EXPECT_EQ(whyUntold({1, needed, false}, far), "") << far;
    EXPECT_NE(whyUntold({1, needed - 1, false}, far), "") << far;
  }
  EXPECT_EQ(whyUntold({10, 0, false}, 1), "needs 1 scores of different people, has 0");
  EXPECT_EQ(whyUntold({0, 10, false}, 1), "needs scores of the same person, has 0");
  EXPECT_EQ(whyUntold({5, 10, true}, 1), "needs scores that differ, all are equal");
}

TEST(ToldRate, IntervalIsWilsons) {
  // The bounds p are where |rate - p| is 1.96 standard deviations of p: solved by halving.
  for (const double trials : {1.0, 7.5, 300.0, 76817.0}) {
    for (const double rate : {0.0, 0.01, 0.5, 0.973, 1.0}) {
      const RateInterval interval = wilsonInterval(rate, trials);
      const auto beyond = [&](double p) {
        return std::abs(rate - p) > 1.959963984540054 * std::sqrt(p * (1 - p) / trials);
      };
      const auto solve = [&](double inside, double outside) {
        if (!beyond(outside)) return outside;
        for (int i = 0; i < 200; ++i) {
          const double middle = (inside + outside) / 2;
          (beyond(middle) ? outside : inside) = middle;
        }
        return inside;
      };
      EXPECT_NEAR(interval.low, rate == 0 ? 0 : solve(rate - rate * 1e-9, 1e-15), 1e-9)
          << rate << " of " << trials;
      EXPECT_NEAR(interval.high, rate == 1 ? 1 : solve(rate + (1 - rate) * 1e-9, 1 - 1e-15), 1e-9)
          << rate << " of " << trials;
      EXPECT_LT(interval.low, interval.high);
    }
  }
  // Textbook: 81 of 263.
  EXPECT_NEAR(wilsonInterval(81.0 / 263, 263).low, 0.2553, 5e-5);
  EXPECT_NEAR(wilsonInterval(81.0 / 263, 263).high, 0.3662, 5e-5);
}

TEST(ToldRate, TrialsOfOnePersonThatEndAlikeCountAsFewer) {
  // Independent: as many as there are, but for chance.
  Random random(4);
  std::vector<PersonTrials> people(400, {0, 25});
  for (PersonTrials& person : people) {
    for (int i = 0; i < 25; ++i)
      person.right += random.chance(0.7) ? 1 : 0;
  }
  EXPECT_NEAR(effectiveTrials(people), 10000, 1500);
  // All right or all wrong: as many as people.
  for (size_t i = 0; i < people.size(); ++i)
    people[i].right = i % 10 < 7 ? 25 : 0;
  EXPECT_NEAR(effectiveTrials(people), 400, 1.5);
  for (PersonTrials& person : people)
    person.right = 25;
  EXPECT_EQ(effectiveTrials(people), 400);
  EXPECT_EQ(effectiveTrials(std::vector<PersonTrials>{{3, 4}, {0, 0}}), 1);
}

TEST(ToldRate, ItsSpreadIsThatOfABootstrapOverPeople) {
  Random random(8);
  std::vector<PersonTrials> people;
  for (int p = 0; p < 80; ++p) {
    PersonTrials person{0, 20 + random.below(30)};
    const double own = 0.4 + 0.6 * random.uniform();
    for (uint64_t i = 0; i < person.trials; ++i)
      person.right += random.chance(own) ? 1 : 0;
    people.push_back(person);
  }
  const auto rate_of = [](const std::vector<PersonTrials>& some) {
    double right = 0;
    double trials = 0;
    for (const PersonTrials& person : some) {
      right += static_cast<double>(person.right);
      trials += static_cast<double>(person.trials);
    }
    return right / trials;
  };
  std::vector<double> rates;
  for (int draw = 0; draw < 4000; ++draw) {
    std::vector<PersonTrials> drawn;
    while (drawn.size() < people.size())
      drawn.push_back(people[random.below(people.size())]);
    rates.push_back(rate_of(drawn));
  }
  const double rate = rate_of(people);
  const double deviation = std::sqrt(rate * (1 - rate) / effectiveTrials(people));
  EXPECT_NEAR(deviation / spreadOf(rates).deviation, 1, 0.1);
}

TEST(ToldRate, TextAndJsonHaveTheRateOrTheReason) {
  const ToldRate told = tell("", 0.5, 100);
  EXPECT_EQ(rateText(told), "50.00 %");
  EXPECT_EQ(intervalText(told), "40.38 .. 59.62 %");
  EXPECT_EQ(rateJson(told), 0.5);
  EXPECT_NEAR(intervalJson(told)[0].get<double>(), 0.4038, 5e-5);
  const ToldRate untold = tell(whyUntold({9, 300, false}, 1e-3), 0.5, 100);
  EXPECT_EQ(rateText(untold), "n/a: needs 1000");
  EXPECT_EQ(rateText(tell(whyUntold({9, 300, true}, 1), 0, 1)), "n/a: needs scores that differ");
  EXPECT_EQ(rateText(tell(whyUntold({0, 300, true}, 1), 0, 1)),
            "n/a: needs scores of the same person");
  EXPECT_EQ(rateFigure(untold, "TAR")[1], "TAR: needs 1000 scores of different people, has 300");
  EXPECT_EQ(rateFigure(told, "TAR")[1], "TAR, 95 %: 40.38 .. 59.62 %");
  EXPECT_EQ(intervalText(untold), "");
  EXPECT_TRUE(rateJson(untold).is_null());
  EXPECT_TRUE(intervalJson(untold).is_null());
}

}  // namespace
}  // namespace sphereface
