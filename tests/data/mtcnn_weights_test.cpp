// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The two forms of the detector's weights, on models that the test writes, whose outputs are those
// of OpenCV; and on the published ones.

#include "data/align/mtcnn_weights.h"

#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <limits>
#include <opencv2/dnn.hpp>

#include "base/error.h"
#include "base/image_file.h"
#include "base/image_folder.h"
#include "base/temporary_folder.h"
#include "data/align/mtcnn.h"
#include "tests/support/mtcnn_models.h"
#include "tests/support/shared_data.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

const std::vector<MtcnnTable> kTables = {
    {"P-Net",
     "det1.caffemodel",
     "pnet.onnx",
     12,
     {{3, 3, false, {{"conv1", 10}}, "PReLU1", 2, 2},
      {10, 3, false, {{"conv2", 16}}, "PReLU2"},
      {16, 3, false, {{"conv3", 32}}, "PReLU3"},
      {32, 1, false, {{"conv4-1", 2}, {"conv4-2", 4}}}}},
    {"R-Net",
     "det2.caffemodel",
     "rnet.onnx",
     24,
     {{3, 3, false, {{"conv1", 28}}, "prelu1", 3, 2},
      {28, 3, false, {{"conv2", 48}}, "prelu2", 3, 2},
      {48, 2, false, {{"conv3", 64}}, "prelu3"},
      {64, 3, true, {{"conv4", 128}}, "prelu4"},
      {128, 1, true, {{"conv5-1", 2}, {"conv5-2", 4}}}}},
    {"O-Net",
     "det3.caffemodel",
     "onet.onnx",
     48,
     {{3, 3, false, {{"conv1", 32}}, "prelu1", 3, 2},
      {32, 3, false, {{"conv2", 64}}, "prelu2", 3, 2},
      {64, 3, false, {{"conv3", 64}}, "prelu3", 2, 2},
      {64, 2, false, {{"conv4", 128}}, "prelu4"},
      {128, 3, true, {{"conv5", 256}}, "prelu5"},
      {256, 1, true, {{"conv6-1", 2}, {"conv6-2", 4}, {"conv6-3", 10}}}}},
};

void write(const fs::path& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary) << bytes;
}

/// Folders `caffe` and `onnx` with the same random weights.
class MtcnnWeights : public testing::Test {
 protected:
  MtcnnWeights() {
    fs::create_directories(folder_ / "caffe");
    fs::create_directories(folder_ / "onnx");
    for (size_t i = 0; i < kTables.size(); ++i) {
      const auto weights = randomMtcnnWeights(kTables[i], i + 1);
      onnx_.push_back(mtcnnOnnx(kTables[i], weights));
      caffe_.push_back(mtcnnCaffe(kTables[i], weights));
      write(folder_ / "onnx" / kTables[i].onnx_file, onnx_[i].SerializeAsString());
      write(folder_ / "caffe" / kTables[i].caffe_file, caffe_[i].SerializeAsString());
    }
  }

  std::string messageOf(const std::string& name) {
    try {
      loadMtcnn(folder_ / name);
    } catch (const Error& e) {
      return e.what();
    }
    return "";
  }

  /// What is said of a P-Net (0), R-Net (1) or O-Net (2) changed so.
  std::string messageOfOnnx(size_t net, const std::function<void(onnx::GraphProto&)>& change) {
    onnx::ModelProto model = onnx_[net];
    change(*model.mutable_graph());
    write(folder_ / "onnx" / kTables[net].onnx_file, model.SerializeAsString());
    std::string message = messageOf("onnx");
    write(folder_ / "onnx" / kTables[net].onnx_file, onnx_[net].SerializeAsString());
    return message;
  }

  TemporaryFolder folder_;
  std::vector<onnx::ModelProto> onnx_;
  std::vector<caffe::NetParameter> caffe_;
};

void expectSameBits(const MtcnnNetwork& a, const MtcnnNetwork& b) {
  ASSERT_EQ(a.layers.size(), b.layers.size());
  for (size_t i = 0; i < a.layers.size(); ++i) {
    EXPECT_EQ(a.layers[i].weights, b.layers[i].weights) << i;
    EXPECT_EQ(a.layers[i].bias, b.layers[i].bias) << i;
    EXPECT_EQ(a.layers[i].slope, b.layers[i].slope) << i;
  }
}

void expectSameBits(const MtcnnNetworks& a, const MtcnnNetworks& b) {
  expectSameBits(a.proposal, b.proposal);
  expectSameBits(a.refinement, b.refinement);
  expectSameBits(a.output, b.output);
}

TEST_F(MtcnnWeights, BothFormsGiveTheSameBits) {
  expectSameBits(loadMtcnn(folder_ / "caffe"), loadMtcnn(folder_ / "onnx"));
}

TEST_F(MtcnnWeights, CaffesOlderFormsAreRead) {
  const MtcnnNetworks expected = loadMtcnn(folder_ / "onnx");
  for (size_t i = 0; i < kTables.size(); ++i) {
    caffe::NetParameter old;
    for (caffe::LayerParameter& layer : *caffe_[i].mutable_layer()) {
      for (caffe::BlobProto& blob : *layer.mutable_blobs()) {
        std::vector<int> extents(blob.shape().dim().begin(), blob.shape().dim().end());
        extents.insert(extents.begin(), 4 - extents.size(), 1);
        blob.set_num(extents[0]);
        blob.set_channels(extents[1]);
        blob.set_height(extents[2]);
        blob.set_width(extents[3]);
        blob.clear_shape();
      }
      old.add_layers()->set_name(layer.name());
      old.mutable_layers()->rbegin()->mutable_blobs()->Swap(layer.mutable_blobs());
    }
    write(folder_ / "caffe" / kTables[i].caffe_file, old.SerializeAsString());
  }
  expectSameBits(loadMtcnn(folder_ / "caffe"), expected);
}

/// OpenCV runs the file itself, whose input is N x width x height x 3; heads are told by their
/// sizes.
void expectOpenCvsOutput(const MtcnnNetwork& network, const fs::path& file, int height, int width) {
  FeatureMap input;
  input.reshape(3, height, width, 1);
  const int sizes[] = {1, width, height, 3};
  cv::Mat blob(4, sizes, CV_32F);
  Random random(static_cast<uint64_t>(height));
  for (int c = 0; c < 3; ++c) {
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) {
        const int at[] = {0, x, y, c};
        blob.at<float>(at) = input.row(c, y)[x] = static_cast<float>(random.uniform(-1, 1));
      }
    }
  }
  cv::dnn::Net net = cv::dnn::readNetFromONNX(file.string());
  net.setInput(blob);
  std::vector<cv::Mat> outputs;
  net.forward(outputs, net.getUnconnectedOutLayersNames());
  const FeatureMap& heads = forward(network, input);
  int channels = 0;
  for (const cv::Mat& output : outputs) {
    const int count = output.size[output.dims - 1];
    channels += count;
    ASSERT_EQ(output.total(), static_cast<size_t>(heads.width() * heads.height() * count));
    const auto* value = output.ptr<float>();
    for (int x = 0; x < heads.width(); ++x) {
      for (int y = 0; y < heads.height(); ++y, value += count) {
        if (count == 2) {
          ASSERT_NEAR(faceProbability(heads.row(kOutputBackground, y)[x],  //
                                      heads.row(kOutputFace, y)[x]),
                      value[1], 1e-5);
          continue;
        }
        const int first = count == 4 ? kOutputRegression : kOutputLandmarks;
        for (int i = 0; i < count; ++i)
          ASSERT_NEAR(heads.row(first + i, y)[x], value[i], 2e-5);
      }
    }
  }
  EXPECT_EQ(channels, heads.channels());
}

TEST_F(MtcnnWeights, OfOnnxAreWhatOpenCvComputesWith) {
  const MtcnnNetworks networks = loadMtcnn(folder_ / "onnx");
  expectOpenCvsOutput(networks.proposal, folder_ / "onnx/pnet.onnx", 19, 34);
  expectOpenCvsOutput(networks.refinement, folder_ / "onnx/rnet.onnx", 24, 24);
  expectOpenCvsOutput(networks.output, folder_ / "onnx/onet.onnx", 48, 48);
}

TEST_F(MtcnnWeights, NamesWhatIsMissing) {
  EXPECT_NE(messageOf("nowhere").find("no such folder"), std::string::npos);
  fs::create_directories(folder_ / "empty");
  EXPECT_NE(messageOf("empty").find("has neither pnet.onnx, rnet.onnx and onet.onnx, which "
                                    "get_detector.sh fetches, nor det1"),
            std::string::npos);
  fs::remove(folder_ / "onnx/rnet.onnx");
  EXPECT_NE(messageOf("onnx").find("no such file: " + (folder_ / "onnx/rnet.onnx").string()),
            std::string::npos);
  write(folder_ / "onnx/rnet.onnx", "no model");
  EXPECT_NE(messageOf("onnx").find("rnet.onnx: no whole ONNX model"), std::string::npos);
  write(folder_ / "caffe/det2.caffemodel", "no model");
  EXPECT_NE(messageOf("caffe").find("det2.caffemodel: no whole Caffe model"), std::string::npos);
  fs::copy_file(folder_ / "caffe/det3.caffemodel", folder_ / "caffe/det2.caffemodel",
                fs::copy_options::overwrite_existing);
  EXPECT_NE(messageOf("caffe").find("det2.caffemodel is not MTCNN's R-Net: layer conv1 has 864 "
                                    "numbers for 32 outputs, expected 756 for 28"),
            std::string::npos)
      << messageOf("caffe");
}

onnx::NodeProto& nodeOf(onnx::GraphProto& graph, const std::string& op, int number) {
  for (onnx::NodeProto& node : *graph.mutable_node()) {
    if (node.op_type() == op && number-- == 0) return node;
  }
  throw Error("the test's graph has no such node");
}

onnx::AttributeProto& attributeOf(onnx::NodeProto& node, const std::string& name) {
  for (onnx::AttributeProto& attribute : *node.mutable_attribute()) {
    if (attribute.name() == name) return attribute;
  }
  throw Error("the test's node has no such attribute");
}

/// Each would be read into weights of the right count, or a network that computes something else.
TEST_F(MtcnnWeights, RefusesAnyOtherGraph) {
  struct Case {
    size_t net;
    std::function<void(onnx::GraphProto&)> change;
    std::string message;
  };
  const std::vector<Case> cases = {
      {0, [](auto& graph) { nodeOf(graph, "Transpose", 0).set_op_type("Identity"); },
       "behind image stands Identity, expected Transpose"},
      {0,
       [](auto& graph) {
         attributeOf(nodeOf(graph, "Transpose", 0), "perm").set_ints(2, 2);
         attributeOf(nodeOf(graph, "Transpose", 0), "perm").set_ints(3, 1);
       },
       "perm is 0x3x2x1, expected 0x3x1x2"},
      {0, [](auto& graph) { attributeOf(nodeOf(graph, "Conv", 1), "strides").set_ints(0, 2); },
       "strides is 2x1, expected 1x1"},
      {0,
       [](auto& graph) { attributeOf(nodeOf(graph, "Conv", 1), "auto_pad").set_s("SAME_UPPER"); },
       "auto_pad isn't VALID"},
      {0,
       [](auto& graph) { attributeOf(nodeOf(graph, "MaxPool", 0), "kernel_shape").set_ints(1, 3); },
       "kernel_shape is 2x3, expected 2x2"},
      {0, [](auto& graph) { nodeOf(graph, "PRelu", 0).set_op_type("LeakyRelu"); },
       "stands LeakyRelu, expected PRelu"},
      {0, [](auto& graph) { graph.mutable_initializer(0)->mutable_dims()->SwapElements(0, 1); },
       "weights1 is 3x10x3x3, expected 10x3x3x3"},
      {1,
       [](auto& graph) { graph.mutable_initializer(1)->set_data_type(onnx::TensorProto::INT64); },
       "weights2 is of type 7, not of fp32"},
      {1, [](auto& graph) { graph.mutable_initializer(1)->mutable_raw_data()->pop_back(); },
       "has 0 numbers and 111 bytes, expected 28 numbers"},
      {1,
       [](auto& graph) {
         const float nan = std::numeric_limits<float>::quiet_NaN();
         graph.mutable_initializer(0)->set_float_data(7, nan);
       },
       "rnet.onnx: weights aren't finite"},
      {1, [](auto& graph) { nodeOf(graph, "Softmax", 0).set_op_type("Sigmoid"); },
       "stands Sigmoid, expected Softmax"},
      {1, [](auto& graph) { graph.mutable_output()->RemoveLast(); }, "isn't an output"},
      {2,
       [](auto& graph) {
         onnx::NodeProto& node = *graph.add_node();
         node.set_op_type("Relu");
         node.add_input("elsewhere");
         node.add_output("nowhere");
       },
       "nodes, expected"},
      {2, [](auto& graph) { nodeOf(graph, "MatMul", 1).set_input(0, "elsewhere"); },
       "it has 2 heads, expected 3"},
      {2, [](auto& graph) { nodeOf(graph, "Add", 0).set_input(1, "elsewhere"); },
       "has no weights as input 1"},
      {2, [](auto& graph) { graph.add_input()->set_name("second"); },
       "it has the inputs image and second"},
  };
  for (const Case& one : cases) {
    const std::string message = messageOfOnnx(one.net, one.change);
    EXPECT_NE(message.find(one.message), std::string::npos) << message << "\nnot " << one.message;
    EXPECT_NE(message.find(kTables[one.net].onnx_file), std::string::npos) << message;
  }
  EXPECT_EQ(messageOf("onnx"), "");
}

/// The folder that scripts/get_detector.sh filled.
fs::path fetchedModels() {
  const char* folder = std::getenv("SPHEREFACE_DETECTOR");
  return folder == nullptr ? fs::path() : fs::path(folder);
}

TEST(MtcnnPublished, OnnxFindsWhatCaffeFindsBitForBit) {
  const fs::path kOnnx = fetchedModels();
  if (kOnnx.empty()) GTEST_SKIP() << "needs what scripts/get_detector.sh fetches";
  const fs::path kCaffe = sharedData("mtcnn");
  const fs::path kPhotographs = sharedData("lfw");
  SPHEREFACE_NEEDS(kCaffe);
  const MtcnnNetworks caffe = loadMtcnn(kCaffe);
  const MtcnnNetworks onnx = loadMtcnn(kOnnx);
  expectSameBits(caffe, onnx);
  SPHEREFACE_NEEDS(kPhotographs);
  const std::vector<fs::path> all = listImages(kPhotographs).images;
  for (size_t i = 0; i < 12; ++i) {
    const cv::Mat image = readImage(kPhotographs / all[i * all.size() / 12]);
    const std::vector<Face> expected = detectFaces(caffe, image);
    const std::vector<Face> found = detectFaces(onnx, image);
    ASSERT_EQ(found.size(), expected.size());
    ASSERT_FALSE(found.empty());
    for (size_t k = 0; k < found.size(); ++k) {
      EXPECT_EQ(found[k].score, expected[k].score);
      EXPECT_EQ(found[k].points, expected[k].points);
    }
  }
}

}  // namespace
}  // namespace sphereface
