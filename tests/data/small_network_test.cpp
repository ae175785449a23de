// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/align/small_network.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cfloat>
#include <tuple>

#include "base/random.h"

namespace sphereface {
namespace {

void fillRandom(FeatureMap& map, Random& random) {
  for (int c = 0; c < map.channels(); ++c) {
    for (int y = 0; y < map.height(); ++y) {
      for (int x = 0; x < map.width() * map.lanes(); ++x) {
        map.row(c, y)[x] = static_cast<float>(random.uniform(-1, 1));
      }
    }
  }
}

float at(const FeatureMap& map, int c, int y, int x, int lane) {
  return map.row(c, y)[x * map.lanes() + lane];
}

struct Shape {
  int inputs, outputs, kernel, height, width, lanes;
};

class SmallNetworkShapes : public testing::TestWithParam<Shape> {};

TEST_P(SmallNetworkShapes, ConvolutionFollowsItsDefinition) {
  const Shape shape = GetParam();
  Random random(7, static_cast<uint64_t>(shape.outputs), static_cast<uint64_t>(shape.width));
  ConvolutionLayer layer{.kernel = shape.kernel,
                         .inputs = shape.inputs,
                         .outputs = shape.outputs,
                         .weights = {},
                         .bias = {},
                         .slope = {}};
  const int taps = shape.inputs * shape.kernel * shape.kernel;
  for (int i = 0; i < taps * shape.outputs; ++i) {
    layer.weights.push_back(static_cast<float>(random.uniform(-1, 1)));
  }
  for (int o = 0; o < shape.outputs; ++o) {
    layer.bias.push_back(static_cast<float>(random.uniform(-1, 1)));
    layer.slope.push_back(static_cast<float>(random.uniform(-0.5, 1)));
  }
  FeatureMap in;
  in.reshape(shape.inputs, shape.height, shape.width, shape.lanes);
  fillRandom(in, random);
  FeatureMap out;
  convolve(layer, in, out);
  ASSERT_EQ(out.channels(), shape.outputs);
  ASSERT_EQ(out.height(), shape.height - shape.kernel + 1);
  ASSERT_EQ(out.width(), shape.width - shape.kernel + 1);
  for (int o = 0; o < out.channels(); ++o) {
    for (int y = 0; y < out.height(); ++y) {
      for (int x = 0; x < out.width(); ++x) {
        for (int lane = 0; lane < shape.lanes; ++lane) {
          double sum = layer.bias[o];
          for (int c = 0; c < shape.inputs; ++c) {
            for (int ky = 0; ky < shape.kernel; ++ky) {
              for (int kx = 0; kx < shape.kernel; ++kx) {
                const int tap = (c * shape.kernel + ky) * shape.kernel + kx;
                sum += static_cast<double>(layer.weights[tap * shape.outputs + o]) *
                       at(in, c, y + ky, x + kx, lane);
              }
            }
          }
          if (sum < 0) sum *= layer.slope[o];
          ASSERT_NEAR(at(out, o, y, x, lane), sum, 1e-5 * taps)
              << "channel " << o << " y " << y << " x " << x << " lane " << lane;
        }
      }
    }
  }
}

TEST_P(SmallNetworkShapes, MaxPoolingKeepsTheCutOffWindows) {
  const Shape shape = GetParam();
  Random random(8);
  FeatureMap in;
  in.reshape(shape.inputs, shape.height, shape.width, shape.lanes);
  fillRandom(in, random);
  for (const auto& [size, stride] : {std::pair{2, 2}, std::pair{3, 2}, std::pair{1, 1}}) {
    if (size > shape.height || size > shape.width) continue;
    FeatureMap out;
    maxPool(size, stride, in, out);
    // Every input row and column that a window can begin at and the border still cuts is used.
    ASSERT_EQ(out.height(), (shape.height - size + stride - 1) / stride + 1);
    ASSERT_EQ(out.width(), (shape.width - size + stride - 1) / stride + 1);
    for (int c = 0; c < shape.inputs; ++c) {
      for (int y = 0; y < out.height(); ++y) {
        for (int x = 0; x < out.width(); ++x) {
          for (int lane = 0; lane < shape.lanes; ++lane) {
            float greatest = -FLT_MAX;
            for (int iy = y * stride; iy < std::min(y * stride + size, shape.height); ++iy) {
              for (int ix = x * stride; ix < std::min(x * stride + size, shape.width); ++ix) {
                greatest = std::max(greatest, at(in, c, iy, ix, lane));
              }
            }
            ASSERT_EQ(at(out, c, y, x, lane), greatest);
          }
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(OddShapes, SmallNetworkShapes,
                         testing::Values(Shape{1, 1, 1, 1, 1, 1}, Shape{3, 10, 3, 12, 12, 1},
                                         Shape{10, 16, 3, 5, 37, 1}, Shape{16, 33, 3, 3, 3, 1},
                                         Shape{28, 48, 3, 4, 11, 5}, Shape{3, 28, 3, 24, 24, 3},
                                         Shape{48, 64, 2, 4, 4, 16}, Shape{64, 128, 3, 3, 3, 7},
                                         Shape{128, 6, 1, 1, 1, 13}, Shape{5, 17, 2, 7, 127, 1}));

TEST(FeatureMap, CanShrinkAndGrow) {
  FeatureMap map;
  map.reshape(3, 40, 40, 2);
  map.reshape(1, 1, 1, 1);
  EXPECT_EQ(map.rowStride(), 16U);
  map.reshape(4, 50, 50, 2);
  EXPECT_EQ(map.rowStride(), 112U);
  map.row(3, 49)[99] = 1;
}

}  // namespace
}  // namespace sphereface
