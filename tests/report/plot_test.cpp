// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "report/plot.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <opencv2/imgproc.hpp>

#include "base/image_file.h"
#include "tests/support/evaluation_support.h"

namespace sphereface {
namespace {

const double kNan = std::numeric_limits<double>::quiet_NaN();
/// The first series' colour, BGR.
const cv::Vec3b kBlue(178, 114, 0);

std::vector<std::string> labels(Range range, bool logarithmic, size_t most) {
  std::vector<std::string> result;
  for (const Tick& tick : axisTicks(range, logarithmic, most)) {
    if (!tick.label.empty()) result.push_back(tick.label);
  }
  return result;
}

using Labels = std::vector<std::string>;

TEST(PlotAxis, LinearTicksAreRound) {
  EXPECT_EQ(labels({0, 1}, false, 5), (Labels{"0", "0.2", "0.4", "0.6", "0.8", "1.0"}));
  EXPECT_EQ(labels({0, 28000}, false, 6), (Labels{"0", "5k", "10k", "15k", "20k", "25k"}));
  EXPECT_EQ(labels({-0.11, 0.11}, false, 5), (Labels{"-0.10", "-0.05", "0", "0.05", "0.10"}));
  EXPECT_EQ(labels({0, 3e7}, false, 3), (Labels{"0", "10M", "20M", "30M"}));
  EXPECT_EQ(labels({0.991, 0.994}, false, 3), (Labels{"0.991", "0.992", "0.993", "0.994"}));
}

TEST(PlotAxis, LogarithmicTicksArePowersOfTen) {
  EXPECT_EQ(labels({1e-6, 1}, true, 7),
            (Labels{"1e-6", "1e-5", "0.0001", "0.001", "0.01", "0.1", "1"}));
  EXPECT_EQ(labels({3, 60}, true, 9), (Labels{"5", "10", "20", "50"}));
  EXPECT_LE(labels({1e-12, 1e12}, true, 5).size(), 6U);
}

TEST(PlotAxis, WideningEndsOnTicks) {
  for (const Range range : {Range{3.5, 10.5}, {0.01, 0.97}, {-7, -3}, {1e-9, 2e-9}, {0, 1e12}}) {
    for (size_t most = 1; most < 9; ++most) {
      const Range wide = widenToTicks(range, false, most);
      const std::vector<Tick> ticks = axisTicks(wide, false, most);
      ASSERT_GE(ticks.size(), 2U);
      const double slack = 1e-6 * (wide.high - wide.low);
      EXPECT_LE(wide.low, range.low + slack);
      EXPECT_GE(wide.high, range.high - slack);
      EXPECT_NEAR(ticks.front().value, wide.low, slack);
      EXPECT_NEAR(ticks.back().value, wide.high, slack);
    }
  }
}

/// The part of the picture where `color` is, roughly.
cv::Rect whereColor(const cv::Mat& picture, const cv::Vec3b& color) {
  cv::Mat near;
  const cv::Scalar slack = cv::Scalar::all(25);
  cv::inRange(picture, cv::Scalar(color) - slack, cv::Scalar(color) + slack, near);
  return cv::boundingRect(near);
}

Panel flatLine(std::vector<double> y) {
  Panel panel;
  panel.y_range = Range{0, 1};
  Series series;
  series.x.resize(y.size());
  std::iota(series.x.begin(), series.x.end(), 0.0);
  series.y = std::move(y);
  panel.series = {series};
  return panel;
}

TEST(Plot, DrawsALineWhereItsValuesAre) {
  const cv::Mat picture = drawFigure("title", {flatLine({0.5, 0.5, 0.5})}, 600);
  EXPECT_EQ(picture.cols, 600);
  EXPECT_EQ(picture.type(), CV_8UC3);
  const cv::Rect low = whereColor(drawFigure("title", {flatLine({0.25, 0.25})}, 600), kBlue);
  const cv::Rect middle = whereColor(picture, kBlue);
  const cv::Rect high = whereColor(drawFigure("title", {flatLine({0.75, 0.75})}, 600), kBlue);
  EXPECT_LE(middle.height, 3);
  EXPECT_GT(middle.width, 450);
  // The plot area is half as high as the picture is wide.
  EXPECT_NEAR(low.y - middle.y, 75, 2);
  EXPECT_NEAR(middle.y - high.y, 75, 2);
}

TEST(Plot, ANonFinitePointBreaksTheLine) {
  const cv::Mat whole = drawFigure("", {flatLine({0.5, 0.5, 0.5, 0.5, 0.5})}, 600);
  const cv::Mat broken = drawFigure("", {flatLine({0.5, 0.5, kNan, 0.5, 0.5})}, 600);
  const cv::Rect line = whereColor(whole, kBlue);
  const cv::Rect gap(line.x + line.width / 3, line.y, line.width / 3, line.height);
  EXPECT_GT(whereColor(whole(gap), kBlue).width, line.width / 4);
  EXPECT_EQ(whereColor(broken(gap), kBlue).width, 0);
  EXPECT_EQ(whereColor(broken, kBlue).width, line.width);
}

TEST(Plot, StaysInsideItsPanelWhateverTheValues) {
  Panel panel = flatLine({0.5, 1e300, -1e300, 0.5});
  const cv::Rect line = whereColor(drawFigure("", {panel}, 600), kBlue);
  EXPECT_LE(line.height, 306);
}

TEST(Plot, DrawsWithLittleOrNoData) {
  Panel logarithmic = flatLine({0, -1, kNan});
  logarithmic.y_range.reset();
  logarithmic.log_x = logarithmic.log_y = true;
  Panel constant = flatLine({0, 0});
  constant.y_range.reset();
  Panel huge = flatLine({1e308, -1e308, 1e299, -1e299});
  huge.y_range.reset();
  const std::vector<std::vector<Panel>> figures = {{Panel()},
                                                   {flatLine({}), flatLine({kNan})},
                                                   {flatLine({3}), logarithmic},
                                                   {constant, flatLine({7, 7})},
                                                   {huge}};
  for (const std::vector<Panel>& panels : figures)
    EXPECT_FALSE(drawFigure("", panels).empty());
}

TEST(Plot, RefusesContradictions) {
  Panel panel = flatLine({1, 2});
  panel.series[0].x.pop_back();
  EXPECT_THROW(drawFigure("", {panel}), Error);
  panel = flatLine({1, 2});
  panel.x_range = Range{2, 2};
  EXPECT_THROW(drawFigure("", {panel}), Error);
  panel.x_range = Range{0, 2};
  panel.log_x = true;
  EXPECT_THROW(drawFigure("", {panel}), Error);
  EXPECT_THROW(drawFigure("", {}), Error);
  EXPECT_THROW(drawFigure("", {flatLine({1, 2})}, 10), Error);
}

TEST(Plot, WritesThePngThatWasDrawn) {
  const TemporaryFolder folder;
  writeFigure(folder / "plot.png", "title", {flatLine({0.1, 0.9})});
  const cv::Mat read = readImage(folder / "plot.png");
  EXPECT_EQ(cv::norm(read, drawFigure("title", {flatLine({0.1, 0.9})}), cv::NORM_INF), 0);
}

TEST(Plot, HistogramCountsEveryFiniteValueOnce) {
  const std::vector<double> values = {-5, 0.1, 0.3, 0.3, 0.9, 1.0, 7, kNan};
  const Series bins = histogram("", values, {0, 1}, 4);
  EXPECT_EQ(bins.x, (std::vector<double>{0, 0, 0.25, 0.25, 0.5, 0.5, 0.75, 0.75, 1, 1}));
  EXPECT_EQ(bins.y, (std::vector<double>{0, 25, 25, 25, 25, 0, 0, 37.5, 37.5, 0}));
  EXPECT_THROW(histogram("", values, {0, 1}, 0), Error);
}

}  // namespace
}  // namespace sphereface
