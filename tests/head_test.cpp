// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/head.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <fstream>
#include <limits>
#include <sstream>

#include "base/random.h"
#include "kernels/margin.h"
#include "kernels/reference/reference_head.h"
#include "tests/golden.h"

namespace sphereface {
namespace {

using testing::relativeDifference;
using Gradient = HeadOptions::Gradient;

std::vector<double> randomValues(size_t count, Random& random) {
  std::vector<double> values(count);
  for (double& value : values)
    value = random.normal();
  return values;
}

reference::HeadInput randomInput(int batch, int dim, int classes, double lambda, uint64_t seed) {
  Random random(seed);
  reference::HeadInput input;
  input.batch = batch;
  input.dim = dim;
  input.classes = classes;
  input.lambda = lambda;
  input.loss_scale = 1.0 / batch;
  input.x = randomValues(static_cast<size_t>(batch) * static_cast<size_t>(dim), random);
  input.W = randomValues(static_cast<size_t>(classes) * static_cast<size_t>(dim), random);
  for (int i = 0; i < batch; ++i) {
    input.labels.push_back(static_cast<int>(random.below(static_cast<uint64_t>(classes))));
  }
  return input;
}

/// The fast head's results in the reference's form.
struct FastOutput {
  HeadStats stats;
  std::vector<float> unit_W;
  std::vector<float> dx;
  std::vector<float> dW;
};

FastOutput runFast(const HeadOptions& options, const reference::HeadInput& input) {
  FastOutput out;
  const std::vector<float> x(input.x.begin(), input.x.end());
  out.unit_W.assign(input.W.begin(), input.W.end());
  out.dx.resize(x.size());
  out.dW.resize(out.unit_W.size());
  const std::vector<int32_t> labels(input.labels.begin(), input.labels.end());
  std::vector<float> logits(static_cast<size_t>(input.batch) * static_cast<size_t>(input.classes));
  HeadPass pass;
  pass.batch = input.batch;
  pass.dim = input.dim;
  pass.classes = input.classes;
  pass.lambda = input.lambda;
  pass.loss_scale = static_cast<float>(input.loss_scale);
  pass.x = x.data();
  pass.W = out.unit_W.data();
  pass.labels = labels.data();
  pass.logits = logits.data();
  pass.dx = out.dx.data();
  pass.dW = out.dW.data();
  out.stats = headForwardBackward(options, pass);
  return out;
}

TEST(Margin, PolynomialsEqualTheDefinition) {
  for (int m = 1; m <= 4; ++m) {
    for (int step = 0; step <= 1000; ++step) {
      const double theta = M_PI * step / 1000;
      const int k = std::min(static_cast<int>(m * theta / M_PI), m - 1);
      const double psi = (k % 2 == 0 ? 1 : -1) * std::cos(m * theta) - 2 * k;
      EXPECT_NEAR(sphereMargin(m, std::cos(theta)).psi, psi, 1e-13) << "m " << m << " " << theta;
    }
  }
}

TEST(Margin, DerivativeIsTheSlope) {
  for (int m = 1; m <= 4; ++m) {
    for (int step = 1; step < 1000; ++step) {
      const double c = -1 + 0.002 * step + 0.0007;
      const double h = 1e-6;
      const double slope = (sphereMargin(m, c + h).psi - sphereMargin(m, c - h).psi) / (2 * h);
      EXPECT_NEAR(sphereMargin(m, c).derivative, slope, 2e-4) << "m " << m << " c " << c;
    }
  }
}

class HeadGradient : public ::testing::TestWithParam<int> {};

/// d loss / d x and d loss / d W by central differences in double precision.
TEST_P(HeadGradient, ExactEqualsFiniteDifferences) {
  const HeadOptions options{.margin = GetParam(), .gradient = Gradient::kExact};
  for (const double lambda : {0.0, 5.0, 76.9}) {
    for (const int dim : {1, 3, 13}) {
      if (dim == 1 && GetParam() > 1) continue;  // cos is +-1, where psi has a kink
      reference::HeadInput input = randomInput(3, dim, 7, lambda, 1701);
      const reference::HeadOutput out = reference::head(options, input);
      const double h = 1e-6;
      auto slope_of = [&](double& value) {
        const double kept = value;
        value = kept + h;
        const double above = reference::head(options, input).loss_sum;
        value = kept - h;
        const double below = reference::head(options, input).loss_sum;
        value = kept;
        return (above - below) / (2 * h) * input.loss_scale;
      };
      for (size_t k = 0; k < input.x.size(); ++k) {
        EXPECT_NEAR(out.dx[k], slope_of(input.x[k]), 1e-6) << "lambda " << lambda << " x " << k;
      }
      // The parameter is the unit row; a raw row of length n sees the gradient divided by n.
      for (size_t k = 0; k < input.W.size(); ++k) {
        const size_t row = k / static_cast<size_t>(dim) * static_cast<size_t>(dim);
        double norm = 0;
        for (int d = 0; d < dim; ++d)
          norm += std::pow(input.W[row + static_cast<size_t>(d)], 2);
        EXPECT_NEAR(out.dW[k] / std::sqrt(norm), slope_of(input.W[k]), 1e-6)
            << "lambda " << lambda << " W " << k;
      }
    }
  }
}

TEST_P(HeadGradient, FastEqualsReferenceOnOddShapes) {
  for (const Gradient gradient : {Gradient::kReference, Gradient::kExact}) {
    const HeadOptions options{.margin = GetParam(), .gradient = gradient};
    for (const auto [batch, dim, classes] :
         {std::array{1, 3, 2}, {3, 13, 127}, {13, 127, 3}, {7, 64, 1}, {32, 512, 1003}}) {
      const reference::HeadInput input = randomInput(batch, dim, classes, 5, 7);
      const reference::HeadOutput want = reference::head(options, input);
      const FastOutput got = runFast(options, input);
      EXPECT_NEAR(got.stats.loss_sum, want.loss_sum, 1e-5 * std::max(1.0, want.loss_sum));
      EXPECT_LT(relativeDifference(got.unit_W, want.unit_W), 1e-6);
      EXPECT_LT(relativeDifference(got.dx, want.dx), 2e-5) << batch << "x" << dim << "x" << classes;
      EXPECT_LT(relativeDifference(got.dW, want.dW), 2e-5) << batch << "x" << dim << "x" << classes;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(AllMargins, HeadGradient, ::testing::Values(1, 2, 3, 4));

TEST(Head, MarginOneEqualsLargeLambda) {
  const reference::HeadInput plain = randomInput(5, 8, 9, 0, 3);
  reference::HeadInput annealed = plain;
  annealed.lambda = 1e9;
  const auto a = reference::head({.margin = 1, .gradient = Gradient::kExact}, plain);
  const auto b = reference::head({.margin = 4, .gradient = Gradient::kExact}, annealed);
  EXPECT_NEAR(a.loss_sum, b.loss_sum, 1e-6);
}

TEST(Head, AZeroEmbeddingIsCountedAndGivesFiniteGradients) {
  reference::HeadInput input = randomInput(2, 4, 5, 5, 11);
  std::fill_n(input.x.begin(), 4, 0.0);
  const FastOutput got = runFast({.margin = 4}, input);
  EXPECT_EQ(got.stats.zero_norm, 1);
  for (const float value : got.dx)
    EXPECT_TRUE(std::isfinite(value));
  for (const float value : got.dW)
    EXPECT_TRUE(std::isfinite(value));
}

TEST(Head, HugeLogitsStayFinite) {
  reference::HeadInput input = randomInput(2, 4, 5, 5, 11);
  for (double& value : input.x)
    value *= 1e6;
  const FastOutput got = runFast({.margin = 4}, input);
  EXPECT_TRUE(std::isfinite(got.stats.loss_sum));
  EXPECT_GT(got.stats.loss_sum, 100) << "the loss has no clamp";
}

// --------------------------------------------------------------- the published layer's own numbers

struct GoldenCase {
  std::string file;
  int margin = 0;
  std::string setting;
  double lambda = 0;
  double loss_f32 = 0;
  double loss_unclamped = 0;
};

std::vector<GoldenCase> goldenCases(const std::filesystem::path& folder) {
  std::vector<GoldenCase> cases;
  std::ifstream table(folder / "cases.tsv");
  std::string line;
  std::getline(table, line);
  while (std::getline(table, line)) {
    std::istringstream fields(line);
    GoldenCase c;
    std::string skip;
    double loss_clamped = 0;
    fields >> c.file >> skip >> skip >> skip >> c.margin >> c.setting;
    for (int i = 0; i < 5; ++i)
      fields >> skip;
    fields >> c.lambda >> c.loss_f32 >> loss_clamped >> c.loss_unclamped;
    cases.push_back(c);
  }
  return cases;
}

TEST(Head, MatchesThePublishedLayer) {
  SPHEREFACE_NEEDS(sharedFolder() / "golden" / "asoftmax");
  constexpr double kTolerance = 2e-5;
  const std::filesystem::path folder = sharedFolder() / "golden" / "asoftmax";
  std::map<std::string, testing::GoldenFile> files;
  const std::vector<GoldenCase> cases = goldenCases(folder);
  ASSERT_EQ(cases.size(), 91U);
  for (const GoldenCase& c : cases) {
    if (!files.contains(c.file)) files[c.file] = testing::readGolden(folder / (c.file + ".sfg"));
    testing::GoldenFile& golden = files[c.file];
    const std::string prefix = "m" + std::to_string(c.margin) + "/" + c.setting + "/";
    SCOPED_TRACE(c.file + " " + prefix);
    reference::HeadInput input;
    input.batch = static_cast<int>(golden["x"].shape[0]);
    input.dim = static_cast<int>(golden["x"].shape[1]);
    input.classes = static_cast<int>(golden["W"].shape[0]);
    input.lambda = c.lambda;
    input.loss_scale = 1.0 / input.batch;
    input.x = golden["x"].values;
    input.W = golden["W"].values;
    for (const double label : golden["label"].values)
      input.labels.push_back(static_cast<int>(label));

    const FastOutput fast = runFast({.margin = c.margin}, input);
    const FastOutput exact = runFast({.margin = c.margin, .gradient = Gradient::kExact}, input);
    const reference::HeadOutput slow = reference::head({.margin = c.margin}, input);
    EXPECT_NEAR(fast.stats.loss_sum / input.batch, c.loss_unclamped, kTolerance * c.loss_unclamped);
    EXPECT_NEAR(slow.loss_sum / input.batch, c.loss_unclamped, 1e-6 * c.loss_unclamped);
    EXPECT_LT(relativeDifference(slow.logits, golden[prefix + "logits"].values), kTolerance);
    EXPECT_LT(relativeDifference(fast.dx, golden[prefix + "dx"].values), kTolerance);
    if (golden.contains(prefix + "dx_exact_f64math")) {
      EXPECT_LT(relativeDifference(exact.dx, golden[prefix + "dx_exact_f64math"].values),
                kTolerance);
    }
    if (golden.contains("W_after")) {
      EXPECT_LT(relativeDifference(fast.unit_W, golden["W_after"].values), 1e-6);
    }
    if (golden.contains(prefix + "dW")) {
      EXPECT_LT(relativeDifference(fast.dW, golden[prefix + "dW"].values), kTolerance);
      std::vector<double> in_raw(exact.dW.begin(), exact.dW.end());
      for (size_t k = 0; k < in_raw.size(); ++k) {
        const size_t dim = static_cast<size_t>(input.dim);
        double norm = 0;
        for (size_t d = 0; d < dim; ++d)
          norm += std::pow(input.W[k / dim * dim + d], 2);
        in_raw[k] /= std::sqrt(norm);
      }
      EXPECT_LT(relativeDifference(in_raw, golden[prefix + "dW_exact_f64math"].values), kTolerance);
    }
    if (golden.contains(prefix + "dW_rows")) {
      const std::vector<double>& kept = golden["dW_row_index"].values;
      std::vector<double> rows;
      for (const double row : kept) {
        const auto begin = fast.dW.begin() + static_cast<ptrdiff_t>(row) * input.dim;
        rows.insert(rows.end(), begin, begin + input.dim);
      }
      EXPECT_LT(relativeDifference(rows, golden[prefix + "dW_rows"].values), kTolerance);
      double squares = 0;
      for (const float value : fast.dW)
        squares += static_cast<double>(value) * value;
      EXPECT_NEAR(std::sqrt(squares), golden[prefix + "dW_frob"].values[0],
                  kTolerance * std::sqrt(squares));
    }
  }
}

}  // namespace
}  // namespace sphereface
