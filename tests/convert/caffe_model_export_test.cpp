// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "convert/caffe_export.h"

#include <opencv2/dnn.hpp>

#include "base/atomic_file.h"
#include "base/temporary_folder.h"
#include "convert/caffe_file.h"
#include "convert/caffe_import.h"
#include "tests/support/convert_support.h"

namespace sphereface {
namespace {

using testing::expectIn;

TEST(CaffeExport, ReadsBackBitForBit) {
  const TemporaryFolder folder;
  const TrainedModel model = testing::randomModel(testing::smallConfig(), 5);
  std::vector<std::string> notes;
  const std::filesystem::path prototxt = writeCaffeModel(model, folder / "model.caffemodel", notes);
  EXPECT_TRUE(notes.empty());
  const caffe::NetParameter net =
      parseCaffeModel(readFile(folder / "model.caffemodel"), "model.caffemodel");
  const TrainedModel again = importCaffe({{net, "model.caffemodel"}}, std::nullopt).model;
  EXPECT_EQ(again.parameters, model.parameters);
  EXPECT_EQ(again.manifest.classes(), 5U);
  EXPECT_EQ(again.manifest.config().network().SerializeAsString(),
            model.manifest.config().network().SerializeAsString());
  expectIn("(byte - 127.5) * 0.0078125", readFile(prototxt));
}

/// OpenCV reads both files and computes what the engine does.
TEST(CaffeExport, OpenCvComputesTheEnginesFeatures) {
  const TemporaryFolder folder;
  for (const char* const name : {"custom", "sphereface-20"}) {
    NetworkConfig config = testing::smallConfig();
    if (std::string(name) != "custom") {
      config.Clear();
      config.set_name(name);
    }
    const TrainedModel model = testing::randomModel(config, 3);
    const std::filesystem::path weights = folder / (std::string(name) + ".caffemodel");
    std::vector<std::string> notes;
    const std::filesystem::path prototxt = writeCaffeModel(model, weights, notes);
    const std::vector<uint8_t> images = testing::randomImages(model.network, 2, 1);
    cv::dnn::Net net = cv::dnn::readNetFromCaffe(prototxt.string(), weights.string());
    net.setInput(testing::blobOfImages(model.network, images, 127.5F, 0.0078125F));
    const std::vector<float> got = testing::valuesOf(net.forward());
    const std::vector<float> want = testing::embed(model, images);
    ASSERT_EQ(got.size(), want.size());
    // OpenCV 4.7 and later convolve by Winograd's algorithm.
    EXPECT_LT(testing::relativeDifference(got, want), CV_VERSION_MINOR < 7 ? 1e-5 : 3e-5) << name;
  }
}

}  // namespace
}  // namespace sphereface
