// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// MegaFace beside a literal reading of its definition, which keeps the whole score matrix.

#include "evaluation/megaface.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <map>
#include <random>
#include <set>
#include <string>

#include "base/error.h"
#include "base/random.h"

namespace sphereface {
namespace {

using Rows = std::vector<std::vector<float>>;

struct Case {
  MegafaceList list;
  Rows probes;
  Rows distractors;
};

FeatureSource sourceOf(const Rows& rows, const std::string& prefix) {
  FeatureSource source;
  source.dim = rows[0].size();
  for (size_t i = 0; i < rows.size(); ++i)
    source.names.push_back(concat(prefix, i));
  source.read = [&rows](size_t first, size_t count, float* out) {
    for (size_t i = 0; i < count; ++i)
      out = std::copy(rows[first + i].begin(), rows[first + i].end(), out);
  };
  return source;
}

/// People whose images stand apart in the list, with ids not in alphabetical order.
MegafaceList listOf(size_t people, size_t images) {
  MegafaceList list;
  list.file = "probes.json";
  for (size_t i = 0; i < people * images; ++i) {
    list.paths.push_back(concat("image", i));
    list.ids.push_back(concat("person", (i * 7) % people));
  }
  return list;
}

/// Sixteen of the numbers are +-1, the others 0: all norms are 4 and all cosines, multiples of
/// 1/16, exact in any order of summation. Images of a person differ in a few signs. Many ties.
Case signCase(size_t people, size_t images, size_t distractors, size_t dim, uint64_t seed) {
  Random random(seed);
  Case c{listOf(people, images), {}, {}};
  const auto draw = [&] {
    std::vector<float> row(dim, 0.0F);
    for (size_t k = 0; k < 16; ++k)
      row[(3 * k) % dim] = random.chance(0.5) ? 1.0F : -1.0F;
    return row;
  };
  std::map<std::string, std::vector<float>> centre;
  for (const std::string& id : c.list.ids)
    centre.try_emplace(id, draw());
  for (const std::string& id : c.list.ids) {
    c.probes.push_back(centre[id]);
    for (float& x : c.probes.back())
      if (random.chance(0.2)) x = -x;
  }
  for (size_t d = 0; d < distractors; ++d)
    c.distractors.push_back(draw());
  return c;
}

/// Whole numbers of unequal length, so that distances and cosines rank differently; many ties.
Case wholeNumberCase(size_t people, size_t images, size_t distractors, size_t dim, uint64_t seed) {
  Case c = signCase(people, images, distractors, dim, seed);
  Random random(seed + 1);
  for (Rows* rows : {&c.probes, &c.distractors}) {
    for (std::vector<float>& row : *rows) {
      const auto scale = static_cast<float>(1 + random.below(3));
      for (float& x : row)
        x *= scale;
    }
  }
  return c;
}

double cosineOf(const std::vector<float>& a, const std::vector<float>& b) {
  double ab = 0;
  double aa = 0;
  double bb = 0;
  for (size_t k = 0; k < a.size(); ++k) {
    ab += static_cast<double>(a[k]) * b[k];
    aa += static_cast<double>(a[k]) * a[k];
    bb += static_cast<double>(b[k]) * b[k];
  }
  return ab / std::sqrt(aa * bb);
}

/// What the kit adds to a score for a feature: minus its square.
float devkitLast(const std::vector<float>& x) {
  double squares = 0;
  for (const float value : x)
    squares += static_cast<double>(value) * value;
  return static_cast<float>(-squares);
}

float fp32Dot(const std::vector<float>& a, const std::vector<float>& b) {
  float sum = 0;
  for (size_t k = 0; k < a.size(); ++k) {
    const float product = a[k] * b[k];
    sum += product;
  }
  return sum;
}

/// The kit's score, its arithmetic word by word: the two squares are added to each other first.
double devkitScore(const std::vector<float>& a, const std::vector<float>& b) {
  const float squares = devkitLast(a) + devkitLast(b);
  const float twice = 2 * fp32Dot(a, b);
  return twice + squares;
}

/// The sum in another order, which rounds differently.
double otherOrder(const std::vector<float>& a, const std::vector<float>& b) {
  const float one = 2 * fp32Dot(a, b) + devkitLast(a);
  return one + devkitLast(b);
}

using Score = std::function<double(const std::vector<float>&, const std::vector<float>&)>;

std::vector<std::vector<double>> matrixOf(const Rows& rows, const Rows& columns,
                                          const Score& score) {
  std::vector<std::vector<double>> matrix;
  for (const std::vector<float>& row : rows) {
    matrix.emplace_back();
    for (const std::vector<float>& column : columns)
      matrix.back().push_back(score(row, column));
  }
  return matrix;
}

/// All that the definition counts, from the whole matrices.
struct Literal {
  std::vector<std::vector<double>> with_probes;
  std::vector<std::vector<double>> with_distractors;
  std::map<std::string, std::vector<size_t>> people;
  std::vector<uint64_t> rank_counts;
  std::vector<double> positives;
  std::vector<double> negatives;

  Literal(const Case& c, const Score& score, size_t negative_rows)
      : with_probes(matrixOf(c.probes, c.probes, score)),
        with_distractors(matrixOf(c.probes, c.distractors, score)),
        rank_counts(c.distractors.size() + 1) {
    for (size_t i = 0; i < c.probes.size(); ++i)
      people[c.list.ids[i]].push_back(i);
    for (const auto& [id, images] : people) {
      for (const size_t i : images) {
        for (const size_t j : images) {
          if (i == j) continue;
          ++rank_counts[above(i, with_probes[i][j])];
          if (i < j) positives.push_back(with_probes[i][j]);
        }
      }
    }
    for (size_t i = 0; i < std::min(negative_rows, c.probes.size()); ++i) {
      negatives.insert(negatives.end(), with_distractors[i].begin(), with_distractors[i].end());
    }
  }

  uint64_t above(size_t row, double score) const {
    return static_cast<uint64_t>(std::count_if(with_distractors[row].begin(),
                                               with_distractors[row].end(),
                                               [&](double other) { return other > score; }));
  }

  static double shareAtLeast(const std::vector<double>& scores, double threshold) {
    return static_cast<double>(std::count_if(scores.begin(), scores.end(),
                                             [&](double s) { return s >= threshold; })) /
           static_cast<double>(scores.size());
  }

  /// Lowering the threshold to the next positive's score is what raises TAR.
  double tarAtFar(double far) const {
    double best = 0;
    for (const double t : std::set<double>(positives.begin(), positives.end())) {
      if (shareAtLeast(negatives, t) <= far) best = std::max(best, shareAtLeast(positives, t));
    }
    return best;
  }
};

MegafaceResult evaluate(const Case& c, const MegafaceOptions& options) {
  const Scorer scorer(options.devkit ? Similarity::kDevkit : Similarity::kCosine,
                      c.probes[0].size());
  const FeatureSource probes = sourceOf(c.probes, "probe ");
  RankGroup alone;
  return evaluateMegaface(scorer, prepareProbes(scorer, c.list, probes),
                          sourceOf(c.distractors, "distractor "), options, alone);
}

void expectBestNeighbours(const Case& c, const Literal& literal, const MegafaceResult& result) {
  for (size_t i = 0; i < c.probes.size(); ++i) {
    std::vector<size_t> order(c.distractors.size());
    for (size_t d = 0; d < order.size(); ++d)
      order[d] = d;
    const std::vector<double>& scores = literal.with_distractors[i];
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return scores[a] > scores[b]; });
    ASSERT_EQ(result.matches[i].distractors.size(), std::min<size_t>(5, order.size()));
    for (size_t n = 0; n < result.matches[i].distractors.size(); ++n)
      EXPECT_EQ(result.matches[i].distractors[n].column, order[n]);
  }
}

void expectHardPairs(const Case& c, const Literal& literal, const MegafaceResult& result) {
  std::vector<double> nearest;
  for (const std::vector<double>& scores : literal.with_distractors)
    nearest.push_back(*std::max_element(scores.begin(), scores.end()));
  std::sort(nearest.begin(), nearest.end(), std::greater<>());
  std::vector<double> farthest = literal.positives;
  std::sort(farthest.begin(), farthest.end());
  ASSERT_EQ(result.nearest_distractors.size(), std::min<size_t>(12, nearest.size()));
  ASSERT_EQ(result.farthest_mates.size(), std::min<size_t>(12, farthest.size()));
  const auto number = [](const std::string& name) {
    return static_cast<size_t>(std::stoul(name.substr(name.find_first_of("0123456789"))));
  };
  for (size_t n = 0; n < result.nearest_distractors.size(); ++n) {
    const ScoredPair& pair = result.nearest_distractors[n];
    EXPECT_EQ(pair.score, nearest[n]);
    EXPECT_EQ(literal.with_distractors[number(pair.left)][number(pair.right)], pair.score);
  }
  for (size_t n = 0; n < result.farthest_mates.size(); ++n) {
    const ScoredPair& pair = result.farthest_mates[n];
    EXPECT_EQ(pair.score, farthest[n]);
    EXPECT_EQ(literal.with_probes[number(pair.left)][number(pair.right)], pair.score);
    EXPECT_EQ(c.list.ids[number(pair.left)], c.list.ids[number(pair.right)]);
  }
}

TEST(Megaface, CountsWhatTheDefinitionSaysToTheLastPair) {
  for (const auto& [people, images, distractors, dim] :
       std::vector<std::array<size_t, 4>>{{5, 3, 1, 48}, {13, 5, 700, 51}, {40, 4, 1111, 64}}) {
    const Case c = signCase(people, images, distractors, dim, people);
    const Literal literal(c, cosineOf, c.probes.size());
    const MegafaceResult result = evaluate(c, {.threads = 2});
    EXPECT_EQ(result.searches, people * images * (images - 1));
    EXPECT_EQ(result.positives.size(), literal.positives.size());
    EXPECT_EQ(result.negatives, literal.negatives.size());
    EXPECT_EQ(result.rank_counts, literal.rank_counts);
    EXPECT_DOUBLE_EQ(result.rateAtRank(1), static_cast<double>(literal.rank_counts[0]) /
                                               static_cast<double>(result.searches));
    EXPECT_EQ(result.rateAtRank(distractors + 1), 1.0);
    for (size_t i = 0; i < kMegafaceFars.size(); ++i)
      EXPECT_DOUBLE_EQ(result.tar_at_far[i], literal.tarAtFar(kMegafaceFars[i]));
    // Every point of the curve is one that a threshold reaches.
    for (size_t p = 0; p < result.roc.x.size(); ++p)
      EXPECT_DOUBLE_EQ(result.roc.y[p], literal.tarAtFar(result.roc.x[p] + 1e-12));
    EXPECT_EQ(result.roc.x.back(), 1.0);
    expectBestNeighbours(c, literal, result);
    expectHardPairs(c, literal, result);
    EXPECT_FALSE(result.traditional_cmc);
  }
}

TEST(Megaface, AgreesWithDoublePrecisionOnRandomFeatures) {
  Case c{listOf(20, 4), {}, {}};
  Random random(9);
  std::map<std::string, std::vector<float>> centre;
  for (const std::string& id : c.list.ids) {
    std::vector<float>& row = centre[id];
    while (row.size() < 37)
      row.push_back(static_cast<float>(random.normal()));
  }
  for (const std::string& id : c.list.ids) {
    c.probes.push_back(centre[id]);
    for (float& x : c.probes.back())
      x += static_cast<float>(1.5 * random.normal());
  }
  for (size_t d = 0; d < 3000; ++d) {
    c.distractors.emplace_back();
    while (c.distractors.back().size() < 37)
      c.distractors.back().push_back(static_cast<float>(random.normal()));
  }
  const Literal literal(c, cosineOf, c.probes.size());
  const MegafaceResult result = evaluate(c, {.threads = 2});
  EXPECT_EQ(result.rank_counts, literal.rank_counts);
  EXPECT_DOUBLE_EQ(result.tar_at_far[2], literal.tarAtFar(1e-4));
  EXPECT_LT(result.tar_at_far[2], 1.0);
}

TEST(Megaface, DoesNotDependOnThreadsOrMemory) {
  const Case c = signCase(30, 4, 5000, 96, 3);
  const MegafaceResult once = evaluate(c, {.threads = 1});
  const MegafaceResult little = evaluate(c, {.threads = 3, .memory_bytes = 12 << 20});
  EXPECT_EQ(once.rank_counts, little.rank_counts);
  EXPECT_EQ(once.tar_at_far, little.tar_at_far);
  EXPECT_EQ(once.roc.x, little.roc.x);
  for (size_t i = 0; i < c.probes.size(); ++i) {
    for (size_t n = 0; n < 5; ++n) {
      EXPECT_EQ(once.matches[i].distractors[n].column, little.matches[i].distractors[n].column);
    }
  }
  try {
    evaluate(c, {.threads = 1, .memory_bytes = 1 << 20});
    ADD_FAILURE() << "was accepted";
  } catch (const UsageError& e) {
    EXPECT_NE(std::string(e.what()).find("MB of memory, 1 are allowed"), std::string::npos);
  }
}

/// The kit's "roc", walked over all negatives.
Curve literalRoc(const Literal& literal) {
  std::vector<double> negatives = literal.negatives;
  std::sort(negatives.begin(), negatives.end(), std::greater<>());
  const auto positives = static_cast<float>(literal.positives.size());
  Curve curve;
  float before = -1;
  for (size_t f = 0; f <= negatives.size(); ++f) {
    // Positives that come before the (f+1)-th negative, equal ones among them.
    float accepted = 0;
    for (const double score : literal.positives)
      accepted += f == negatives.size() || score >= negatives[f] ? 1 : 0;
    const float rate = accepted / positives;
    if (rate - before > 0.01 || f == negatives.size()) {
      curve.x.push_back(static_cast<double>(f) / static_cast<double>(negatives.size()));
      curve.y.push_back(rate);
      before = rate;
    }
  }
  return curve;
}

Curve literalTraditionalCmc(const Literal& literal, size_t distractors) {
  std::minstd_rand0 engine;
  std::vector<float> counts(distractors + literal.people.size());
  for (int trial = 0; trial < 10; ++trial) {
    std::vector<size_t> gallery;
    std::vector<std::pair<size_t, size_t>> searching;  // probe, its mate
    for (const auto& [id, images] : literal.people) {
      const size_t drawn = std::uniform_int_distribution<size_t>(0, images.size() - 1)(engine);
      gallery.push_back(images[drawn]);
      for (const size_t image : images) {
        if (image != images[drawn]) searching.emplace_back(image, images[drawn]);
      }
    }
    for (size_t position = 0; position < searching.size(); ++position) {
      const auto [probe, mate] = searching[position];
      const double score = literal.with_probes[probe][mate];
      size_t rank = literal.above(position, score);  // the kit's mistake: not the probe's own row
      for (const size_t image : gallery)
        rank += literal.with_probes[probe][image] > score ? 1 : 0;
      ++counts[rank];
    }
  }
  float total = 0;
  for (const float count : counts)
    total += count;
  Curve curve;
  float sum = 0;
  float before = -1;
  for (size_t k = 0; k < counts.size(); ++k) {
    sum += counts[k] / total;
    if (sum - before > 0.01 || k + 1 == counts.size()) {
      curve.x.push_back(static_cast<double>(k));
      curve.y.push_back(sum);
      before = sum;
    }
  }
  return curve;
}

TEST(Megaface, DevkitModeIsTheKitsRuleOnUnnormalisedFeaturesWithTies) {
  // More and fewer probes than the hundred whose scores are the kit's negatives.
  for (const size_t people : {12, 40}) {
    const Case c = wholeNumberCase(people, 4, 333, 51, people);
    const Literal literal(c, devkitScore, 100);
    const MegafaceResult result = evaluate(c, {.devkit = true, .threads = 2});
    EXPECT_EQ(result.negatives, std::min<size_t>(100, 4 * people) * 333);
    EXPECT_EQ(result.rank_counts, literal.rank_counts);
    const Curve roc = literalRoc(literal);
    EXPECT_EQ(result.roc.x, roc.x);
    EXPECT_EQ(result.roc.y, roc.y);
    ASSERT_TRUE(result.traditional_cmc);
    const Curve traditional = literalTraditionalCmc(literal, 333);
    EXPECT_EQ(result.traditional_cmc->x, traditional.x);
    EXPECT_EQ(result.traditional_cmc->y, traditional.y);
    expectBestNeighbours(c, literal, result);
    // Distances and cosines disagree on these.
    EXPECT_NE(result.rank_counts, evaluate(c, {.threads = 1}).rank_counts);
    // "matches" tells the same searches once more.
    std::vector<uint64_t> counts(result.rank_counts.size());
    for (size_t j = 0; j < c.probes.size(); ++j) {
      for (size_t n = 0; n < result.matches[j].mates.size(); ++n) {
        const size_t i = result.matches[j].mates[n];
        EXPECT_EQ(c.list.ids[i], c.list.ids[j]);
        const uint64_t rank = result.matches[j].mate_ranks[n];
        EXPECT_EQ(rank, literal.above(i, literal.with_probes[i][j]));
        ++counts[rank];
      }
    }
    EXPECT_EQ(counts, result.rank_counts);
  }
}

TEST(Megaface, DevkitScoresHaveTheBitsOfTheKitsArithmetic) {
  Case c = signCase(10, 3, 130, 77, 1);
  Random random(2);
  for (Rows* rows : {&c.probes, &c.distractors}) {
    for (std::vector<float>& row : *rows) {
      for (float& x : row)
        x = static_cast<float>(random.normal());
    }
  }
  const MegafaceResult result = evaluate(c, {.devkit = true, .threads = 1});
  size_t told_apart = 0;
  for (size_t i = 0; i < c.probes.size(); ++i) {
    for (const Neighbour& neighbour : result.matches[i].distractors) {
      const std::vector<float>& distractor = c.distractors[neighbour.column];
      EXPECT_EQ(neighbour.score, devkitScore(c.probes[i], distractor));
      told_apart += neighbour.score != otherOrder(c.probes[i], distractor) ? 1 : 0;
    }
  }
  EXPECT_GT(told_apart, 5U);  // these scores can tell the order of the additions
  const Literal literal(c, devkitScore, 100);
  const auto sorted = [](std::vector<double> scores) {
    std::sort(scores.begin(), scores.end());
    return scores;
  };
  EXPECT_EQ(sorted(result.positives), sorted(literal.positives));
  EXPECT_EQ(result.rank_counts, literal.rank_counts);
  const Curve roc = literalRoc(literal);
  EXPECT_EQ(result.roc.x, roc.x);
  EXPECT_EQ(result.roc.y, roc.y);
}

TEST(Megaface, NamesWhatItCannotUse) {
  const auto message = [](const Case& c) -> std::string {
    try {
      evaluate(c, {.threads = 2});
    } catch (const Error& e) {
      return e.what();
    }
    return "";
  };
  Case c = signCase(3, 3, 100, 48, 1);
  std::fill(c.distractors[70].begin(), c.distractors[70].end(), 0.0F);
  EXPECT_NE(message(c).find("distractor 70: the feature is zero"), std::string::npos) << message(c);
  c = signCase(3, 1, 100, 48, 1);
  EXPECT_NE(message(c).find("no person has two images"), std::string::npos) << message(c);
}

}  // namespace
}  // namespace sphereface
