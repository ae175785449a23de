// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// A-Softmax against the published layer's own numbers.

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <map>
#include <sstream>

#include "tests/kernels/head_runner.h"
#include "tests/support/golden.h"

namespace sphereface {
namespace {

using testing::FastOutput;
using testing::relativeDifference;
using testing::runFast;

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

TEST(HeadGolden, MatchesThePublishedLayer) {
  SPHEREFACE_NEEDS(sharedFolder() / "golden" / "asoftmax");
  // Where m = 4 multiplies an angle's cosine, it multiplies its rounding by up to 16.
  constexpr double kTolerance = 3e-5;
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
    input.step = {static_cast<double>(c.margin), c.lambda};
    input.loss_scale = 1.0 / input.batch;
    input.x = golden["x"].values;
    input.W = golden["W"].values;
    for (const double label : golden["label"].values)
      input.labels.push_back(static_cast<int>(label));

    const FastOutput fast = runFast({}, input);
    const FastOutput exact = runFast({.gradient = HeadOptions::Gradient::kExact}, input);
    const reference::HeadOutput slow = reference::head({}, input);
    EXPECT_NEAR(fast.stats.loss_sum / input.batch, c.loss_unclamped, kTolerance * c.loss_unclamped);
    EXPECT_NEAR(slow.loss_sum / input.batch, c.loss_unclamped, 1e-6 * c.loss_unclamped);
    EXPECT_LT(relativeDifference(slow.logits, golden[prefix + "logits"].values), kTolerance);
    EXPECT_LT(relativeDifference(fast.dx, golden[prefix + "dx"].values), kTolerance);
    if (golden.contains(prefix + "dx_exact_f64math")) {
      EXPECT_LT(relativeDifference(exact.dx, golden[prefix + "dx_exact_f64math"].values),
                kTolerance);
    }
    if (golden.contains("W_after")) {
      EXPECT_LT(relativeDifference(fast.used_W, golden["W_after"].values), 1e-6);
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
