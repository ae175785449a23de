// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "convert/onnx_export.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <opencv2/dnn.hpp>

#include "base/atomic_file.h"
#include "base/temporary_folder.h"
#include "tests/support/convert_support.h"
#include "tests/support/process.h"

namespace sphereface {
namespace {

constexpr size_t kImages = 3;

/// What `extract --mirror` makes of the images, one row each.
std::vector<float> featuresOf(const TrainedModel& model, const std::vector<uint8_t>& images,
                              const OnnxOptions& options) {
  const auto width = static_cast<ptrdiff_t>(model.network.width);
  std::vector<uint8_t> mirrored = images;
  for (auto row = mirrored.begin(); row != mirrored.end(); row += width)
    std::reverse(row, row + width);
  const std::vector<float> of_image = testing::embed(model, images);
  const std::vector<float> of_mirror = testing::embed(model, mirrored);
  const auto embedding = static_cast<size_t>(model.network.embedding);
  std::vector<float> features;
  for (size_t i = 0; i < kImages; ++i) {
    std::vector<float> feature(of_image.begin() + static_cast<ptrdiff_t>(i * embedding),
                               of_image.begin() + static_cast<ptrdiff_t>((i + 1) * embedding));
    const float* const other = of_mirror.data() + i * embedding;
    if (options.mirror == Mirror::kConcat) feature.insert(feature.end(), other, other + embedding);
    double squares = 0;
    for (size_t k = 0; k < feature.size(); ++k) {
      if (options.mirror == Mirror::kSum) feature[k] += other[k];
      squares += double{feature[k]} * double{feature[k]};
    }
    for (const float value : feature)
      features.push_back(options.unit_length ? value / static_cast<float>(std::sqrt(squares))
                                             : value);
  }
  return features;
}

std::vector<OnnxOptions> allOptions() {
  std::vector<OnnxOptions> all;
  for (const Mirror mirror : {Mirror::kNone, Mirror::kConcat, Mirror::kSum}) {
    for (const bool unit : {false, true})
      all.push_back({mirror, unit});
  }
  return all;
}

/// Without mirroring, of whose reversed slice OpenCV 4.6 is not capable.
TEST(OnnxExport, OpenCvComputesTheEnginesFeatures) {
  const TrainedModel model = testing::randomModel(testing::smallConfig(), 0);
  const std::vector<uint8_t> images = testing::randomImages(model.network, kImages, 1);
  for (const bool unit_length : {false, true}) {
    const OnnxOptions options{Mirror::kNone, unit_length};
    const std::string onnx = exportOnnx(model, options).SerializeAsString();
    cv::dnn::Net net = cv::dnn::readNetFromONNX(onnx.data(), onnx.size());
    net.setInput(testing::blobOfImages(model.network, images, 0, 1));
    const std::vector<float> got = testing::valuesOf(net.forward());
    const std::vector<float> want = featuresOf(model, images, options);
    ASSERT_EQ(got.size(), want.size());
    EXPECT_LT(testing::relativeDifference(got, want), 1e-4) << unit_length;
  }
}

constexpr const char* kRun = R"(
import sys, numpy, onnx, onnxruntime
folder = sys.argv[1]
onnx.checker.check_model(onnx.load(folder + '/model.onnx'), full_check=True)
session = onnxruntime.InferenceSession(folder + '/model.onnx', providers=['CPUExecutionProvider'])
height, width = session.get_inputs()[0].shape[2:]
pixels = numpy.fromfile(folder + '/images.u8', numpy.uint8).reshape(-1, 3, height, width)
whole = session.run(['embedding'], {'input': pixels.astype(numpy.float32)})[0]
single = session.run(['embedding'], {'input': pixels[:1].astype(numpy.float32)})[0]
assert numpy.abs(whole[:1] - single).max() < 1e-4 * numpy.abs(whole).max()
assert list(whole.shape[1:]) == session.get_outputs()[0].shape[1:]
whole.astype('<f4').tofile(folder + '/features.f4')
)";

/// onnx.checker accepts the files, and ONNX Runtime computes the same, batches of any size.
TEST(OnnxExport, OnnxRuntimeComputesTheEnginesFeatures) {
  const char* const python = std::getenv("SPHEREFACE_ONNX_PYTHON");
  if (python == nullptr) {
    GTEST_SKIP() << "needs SPHEREFACE_ONNX_PYTHON, a Python with onnx, onnxruntime and numpy";
  }
  for (const OnnxOptions& options : allOptions()) {
    const TemporaryFolder folder;
    const TrainedModel model = testing::randomModel(testing::smallConfig(), 0);
    const std::vector<uint8_t> images = testing::randomImages(model.network, kImages, 1);
    writeFileAtomically(folder / "model.onnx", exportOnnx(model, options).SerializeAsString());
    writeFileAtomically(folder / "images.u8",
                        {reinterpret_cast<const char*>(images.data()), images.size()});
    const testing::Finished done =
        testing::runCommand({python, "-c", kRun, folder.path().string()});
    ASSERT_EQ(done.code, 0) << done.output;
    const std::string bytes = readFile(folder / "features.f4");
    const std::vector<float> want = featuresOf(model, images, options);
    ASSERT_EQ(bytes.size(), want.size() * sizeof(float));
    const std::span got(reinterpret_cast<const float*>(bytes.data()), want.size());
    EXPECT_LT(testing::relativeDifference(got, want), 1e-4)
        << mirrorName(options.mirror) << options.unit_length;
  }
}

}  // namespace
}  // namespace sphereface
