// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Caffe nets with more in them than a SphereFace network: an accepted one has the features that
// OpenCV's dnn computes of the original, a refused one is refused by the layer's name.

#include <algorithm>
#include <cmath>
#include <functional>
#include <opencv2/dnn.hpp>
#include <optional>

#include "base/random.h"
#include "convert/caffe_export.h"
#include "convert/caffe_file.h"
#include "convert/caffe_import.h"
#include "proto/text_format.h"
#include "tests/support/convert_support.h"

namespace sphereface {
namespace {

using testing::errorOf;
using testing::expectIn;

constexpr int kChannels = 3;
constexpr int kEmbedding = 16;
constexpr const char* kHead = "fc5";

/// smallConfig's network with random weights and a classifier of 5 classes behind fc4.
caffe::NetParameter wholeNet() {
  const TrainedModel model = testing::randomModel(testing::smallConfig(), 5);
  caffe::NetParameter net = describeDeployNet(model.network);
  const auto add = [](caffe::LayerParameter& layer, const std::vector<size_t>& shape,
                      std::span<const float> values) {
    caffe::BlobProto& blob = *layer.add_blobs();
    for (const size_t extent : shape)
      blob.mutable_shape()->add_dim(static_cast<int64_t>(extent));
    blob.mutable_data()->Add(values.begin(), values.end());
  };
  for (caffe::LayerParameter& layer : *net.mutable_layer()) {
    std::vector<Parameter> own;
    std::ranges::copy_if(model.network.parameters, std::back_inserter(own),
                         [&](const Parameter& p) { return layerOf(p) == layer.name(); });
    std::ranges::sort(own, {}, blobIndexOf);
    for (const Parameter& parameter : own)
      add(layer, parameter.shape, model.values(parameter));
  }
  caffe::LayerParameter& head = *net.add_layer();
  head.set_name(kHead);
  head.set_type("MarginInnerProduct");
  head.add_bottom("fc4");
  head.add_top(kHead);
  add(head, {5, kEmbedding}, model.head());
  return net;
}

int indexOf(const caffe::NetParameter& net, const std::string& name) {
  const auto at = std::ranges::find(net.layer(), name, &caffe::LayerParameter::name);
  return static_cast<int>(at - net.layer().begin());
}

/// Puts a layer ahead of layer `before`, which takes its output; in place: so does whatever else
/// takes that blob from there on.
caffe::LayerParameter& insert(caffe::NetParameter& net, int before, int bottom,
                              const std::string& name, const std::string& type, bool in_place) {
  const std::string blob = net.layer(before).bottom(bottom);
  caffe::LayerParameter layer;
  layer.set_name(name);
  layer.set_type(type);
  layer.add_bottom(blob);
  layer.add_top(in_place ? blob : name);
  if (!in_place) net.mutable_layer(before)->set_bottom(bottom, name);
  *net.add_layer() = layer;
  std::rotate(net.mutable_layer()->begin() + before, net.mutable_layer()->end() - 1,
              net.mutable_layer()->end());
  return *net.mutable_layer(before);
}

caffe::LayerParameter& insert(caffe::NetParameter& net, const std::string& before,
                              const std::string& name, const std::string& type,
                              bool in_place = false) {
  return insert(net, indexOf(net, before), 0, name, type, in_place);
}

void addNumbers(caffe::LayerParameter& layer, const std::vector<float>& numbers) {
  caffe::BlobProto& blob = *layer.add_blobs();
  blob.mutable_shape()->add_dim(static_cast<int64_t>(numbers.size()));
  blob.mutable_data()->Add(numbers.begin(), numbers.end());
}

std::vector<float> someNumbers(Random& random, size_t count, double low, double high) {
  std::vector<float> numbers(count);
  std::ranges::generate(numbers, [&] { return static_cast<float>(random.uniform(low, high)); });
  return numbers;
}

/// What the head takes, by OpenCV, of images that are given as (byte - mean) * scale.
std::vector<float> openCvFeatures(caffe::NetParameter net, const std::vector<uint8_t>& images,
                                  float mean, float scale) {
  const int head = indexOf(net, kHead);
  const std::string feature = net.layer(head).bottom(0);
  net.mutable_layer()->erase(net.mutable_layer()->begin() + head, net.mutable_layer()->end());
  const std::string weights = net.SerializeAsString();
  for (caffe::LayerParameter& layer : *net.mutable_layer()) {
    layer.clear_blobs();
    layer.clear_transform_param();
  }
  const std::string text = printText(net);
  cv::dnn::Net peer =
      cv::dnn::readNetFromCaffe(text.data(), text.size(), weights.data(), weights.size());
  const Network network = buildNetwork(testing::smallConfig());
  peer.setInput(testing::blobOfImages(network, images, mean, scale));
  // The last layer that makes the blob: it may be changed in place.
  const auto maker = std::find_if(net.layer().rbegin(), net.layer().rend(), [&](const auto& layer) {
    return std::ranges::find(layer.top(), feature) != layer.top().end();
  });
  return testing::valuesOf(peer.forward(maker->name()));
}

std::vector<uint8_t> someImages() {
  return testing::randomImages(buildNetwork(testing::smallConfig()), 2, 1);
}

CaffeImport importNet(const caffe::NetParameter& net) {
  return importCaffe({{net, "model"}}, std::nullopt);
}

void expectOpenCvsFeatures(const caffe::NetParameter& net, const CaffeImport& imported,
                           const std::string& what, float mean = 127.5F, float scale = 0.0078125F) {
  const std::vector<uint8_t> images = someImages();
  const std::vector<float> want = openCvFeatures(net, images, mean, scale);
  const std::vector<float> got = testing::embed(imported.model, images);
  ASSERT_EQ(got.size(), want.size()) << what;
  EXPECT_LT(testing::relativeDifference(got, want), 5e-5) << what;
}

// ------------------------------------------------------------------------------- generated nets

/// A layer at a random place, most often around the network. Half of those that may be folded
/// shift nothing.
std::string insertAnything(caffe::NetParameter& net, Random& random, const std::string& name) {
  static const std::vector<std::string> kTypes = {
      "Power",   "Power", "BatchNorm", "BatchNorm", "Scale",        "Scale",    "Dropout",
      "ReLU",    "PReLU", "Sigmoid",   "TanH",      "AbsVal",       "BNLL",     "ELU",
      "Exp",     "LRN",   "MVN",       "Pooling",   "Softmax",      "Flatten",  "Reshape",
      "Permute", "Crop",  "Tile",      "Python",    "InnerProduct", "Split",    "Convolution",
      "Log",     "Reorg", "Threshold", "Slice",     "Flip",         "Reduction"};
  constexpr uint64_t kHarmless = 7;  // or may be
  const bool harmless = random.below(2) == 0;
  const std::string& type = kTypes[random.below(harmless ? kHarmless : kTypes.size())];
  int before = 0;
  switch (random.below(5)) {
    case 0:
    case 1:
      before = indexOf(net, "conv1_1");
      break;
    case 2:
    case 3:
      before = indexOf(net, kHead);
      break;
    default:
      do {
        before = static_cast<int>(random.below(static_cast<uint64_t>(net.layer_size())));
      } while (net.layer(before).bottom().empty());
  }
  const std::string next = net.layer(before).name();
  const auto bottoms = static_cast<uint64_t>(net.layer(before).bottom_size());
  // A blob is made by one layer, and changed in place by others.
  const bool changed =
      !net.layer(before).top().empty() && net.layer(before).top(0) == net.layer(before).bottom(0);
  const bool in_place = changed || (type != "Split" && random.below(2) == 0);
  const size_t channels = next == kHead ? kEmbedding : kChannels;
  caffe::LayerParameter& layer =
      insert(net, before, static_cast<int>(random.below(bottoms)), name, type, in_place);
  const bool shifts = random.below(2) == 0;
  const double shift = shifts ? 0.5 : 0;
  if (type == "Power") {
    layer.mutable_power_param()->set_scale(static_cast<float>(random.uniform(0.5, 2)));
    layer.mutable_power_param()->set_shift(static_cast<float>(shift));
    if (random.below(8) == 0) layer.mutable_power_param()->set_power(2);
  } else if (type == "BatchNorm") {
    addNumbers(layer, someNumbers(random, channels, -shift, shift));
    addNumbers(layer, someNumbers(random, channels, 0.2, 2));
    addNumbers(layer, {static_cast<float>(random.uniform(0.5, 2))});
    if (random.below(2) == 0) layer.mutable_batch_norm_param()->set_eps(0.1F);
  } else if (type == "Scale") {
    addNumbers(layer, someNumbers(random, channels, -2, 2));
    if (shifts) {
      layer.mutable_scale_param()->set_bias_term(true);
      addNumbers(layer, someNumbers(random, channels, -1, 1));
    }
  } else if (type == "Split" && !in_place) {
    layer.add_top(name + "_beside");
  }
  return concat(name, ", a ", type, " ahead of ", next, in_place ? " in place" : "");
}

/// One to three layers of any type at any place: features stay, or the name is told.
TEST(CaffeGraph, NothingOfAnyPlaceIsTakenInWrongly) {
  const caffe::NetParameter whole = wholeNet();
  int accepted = 0;
  int folded = 0;
  int refused = 0;
  for (uint64_t form = 0; form < 500; ++form) {
    Random random(28, form);
    caffe::NetParameter net = whole;
    std::string what = concat("form ", form);
    const uint64_t count = 1 + random.below(3);
    for (uint64_t i = 0; i < count; ++i)
      what += "; " + insertAnything(net, random, concat("extra", i));
    std::optional<CaffeImport> imported;
    try {
      imported = importNet(net);
    } catch (const Error& e) {
      ++refused;
      EXPECT_NE(std::string(e.what()).find("layer extra"), std::string::npos)
          << what << ": " << e.what();
      continue;
    }
    ++accepted;
    folded += imported->folded ? 1 : 0;
    expectOpenCvsFeatures(net, *imported, what);
  }
  std::printf("%d accepted with OpenCV's features, %d of them with folded layers; %d refused\n",
              accepted, folded, refused);
  EXPECT_GE(folded, 20);
  EXPECT_GE(refused, 20);
}

// ------------------------------------------------------------------------------- one by one

TEST(CaffeGraph, FoldsWhatADataLayerScales) {
  caffe::NetParameter net = wholeNet();
  caffe::TransformationParameter& transform = *net.mutable_layer(0)->mutable_transform_param();
  for (int c = 0; c < kChannels; ++c)
    transform.add_mean_value(127.5F);
  transform.set_scale(1.0F / 255);
  const CaffeImport imported = importNet(net);
  EXPECT_TRUE(imported.folded);
  expectOpenCvsFeatures(net, imported, "scale 1/255", 127.5F, 1.0F / 255);

  // Bytes, which a Power normalises as the engine does.
  net.mutable_layer(0)->set_type("Data");
  transform.Clear();
  caffe::PowerParameter& power = *insert(net, "conv1_1", "pre", "Power").mutable_power_param();
  power.set_scale(0.0078125F);
  power.set_shift(-0.99609375F);
  const CaffeImport normalised = importNet(net);
  net.mutable_layer(0)->set_type("Input");
  expectOpenCvsFeatures(net, normalised, "bytes", 0, 1);
  power.set_shift(-1);
  net.mutable_layer(0)->set_type("Data");
  expectIn("layer pre, a Power, adds to the images ahead of conv1_1",
           errorOf([&] { importNet(net); }));
}

/// A Bias, which OpenCV 4.6 hasn't got: by its definition.
TEST(CaffeGraph, FoldsABias) {
  caffe::NetParameter net = wholeNet();
  const std::vector<uint8_t> images = someImages();
  const std::vector<float> before = testing::embed(importNet(net).model, images);
  Random random(1);
  const std::vector<float> added = someNumbers(random, kEmbedding, -1, 1);
  addNumbers(insert(net, kHead, "more", "Bias"), added);
  const std::vector<float> after = testing::embed(importNet(net).model, images);
  for (size_t i = 0; i < before.size(); ++i)
    EXPECT_NEAR(after[i], before[i] + added[i % kEmbedding], 1e-4 * std::abs(before[i]) + 1e-4);
}

/// Images and mirror images as one batch, and the sum of their features.
TEST(CaffeGraph, PassesOverMirrorImagesNormalizeAndLosses) {
  const caffe::NetParameter whole = wholeNet();
  caffe::NetParameter net = whole;
  caffe::LayerParameter& both = insert(net, "conv1_1", "both", "Concat");
  both.add_bottom("flipped");
  both.mutable_concat_param()->set_axis(0);
  insert(net, "both", "flip", "Flip").set_top(0, "flipped");
  net.mutable_layer(indexOf(net, "both"))->set_bottom(0, "data");
  insert(net, kHead, "sum", "Eltwise").add_bottom("other");
  caffe::LayerParameter& halves = insert(net, "sum", "halves", "Slice");
  halves.add_top("other");
  halves.mutable_slice_param()->set_axis(0);
  insert(net, kHead, "unit", "Normalize");
  caffe::LayerParameter& loss = *net.add_layer();
  loss.set_name("loss");
  loss.set_type("CenterLoss");
  loss.add_bottom("fc4");
  loss.add_bottom("label");
  const CaffeImport imported = importNet(net);
  EXPECT_EQ(imported.model.parameters, importNet(whole).model.parameters);
  EXPECT_FALSE(imported.folded);
  std::string notes;
  for (const std::string& note : imported.notes)
    notes += note + "\n";
  expectIn("layer sum joins the features of image and mirror image: that is --mirror sum", notes);

  net.mutable_layer(indexOf(net, "both"))->set_bottom(0, "flipped");
  expectIn("layer flip gives conv1_1 mirror images alone", errorOf([&] { importNet(net); }));
  net = whole;
  insert(net, "conv1_1", "flip", "Flip").mutable_flip_param()->set_flip_height(true);
  expectIn("layer flip turns images upside down", errorOf([&] { importNet(net); }));
}

/// Layers of the right type and name that a field makes something else.
TEST(CaffeGraph, RefusesFieldsThatChangeWhatALayerDoes) {
  const caffe::NetParameter whole = wholeNet();
  const auto refused = [&](const std::string& words, const std::string& name,
                           const std::function<void(caffe::LayerParameter&)>& change) {
    caffe::NetParameter net = whole;
    change(*net.mutable_layer(indexOf(net, name)));
    expectIn(words, errorOf([&] { importNet(net); }));
  };
  const auto unknown = [](google::protobuf::Message& message, int field) {
    message.GetReflection()->MutableUnknownFields(&message)->AddVarint(field, 1);
  };
  refused("layer conv2_1 has a field 9 in its ConvolutionParameter", "conv2_1",
          [&](auto& l) { unknown(*l.mutable_convolution_param(), 9); });  // pad_h
  refused("layer fc4 has a field 6 in its InnerProductParameter", "fc4",
          [&](auto& l) { unknown(*l.mutable_inner_product_param(), 6); });  // transpose
  refused("layer conv1_1 has a field 4242 in its LayerParameter", "conv1_1",
          [&](auto& l) { unknown(l, 4242); });
  refused("layer relu1_1 has one slope for all channels", "relu1_1",
          [](auto& l) { l.mutable_prelu_param()->set_channel_shared(true); });
  refused("layer slope isn't called relu2_1", "relu2_1", [](auto& l) { l.set_name("slope"); });
  refused("layer conv2_2 is only there in one phase", "conv2_2",
          [](auto& l) { l.add_include()->set_phase(caffe::TEST); });
  refused("layer res3_5 isn't the sum of two", "res3_5",
          [](auto& l) { l.mutable_eltwise_param()->add_coeff(0.5F); });
  refused("layer res2_3 makes conv2_3, which layer conv2_3 has made", "res2_3", [](auto& l) {
    l.set_bottom(1, "conv2_2");
    l.set_top(0, "conv2_3");
  });
  refused("layer conv2_2 isn't 3x3 with pad 1", "conv2_2",
          [](auto& l) { l.clear_convolution_param(); });
  refused("layer fc4 has 0 outputs, its weights 16", "fc4",
          [](auto& l) { l.clear_inner_product_param(); });
  refused("two layers with weights are called conv2_2", "conv2_3",
          [](auto& l) { l.set_name("conv2_2"); });
  refused("layer data reads images without colours", "data", [](auto& l) {
    l.set_type("ImageData");
    l.mutable_image_data_param()->set_is_color(false);
  });
  refused("layer data is a WindowData", "data", [](auto& l) { l.set_type("WindowData"); });
}

/// What is behind the embedding and changes it, or only some of those that take it.
TEST(CaffeGraph, RefusesWhatChangesTheFeatureOtherwise) {
  const caffe::NetParameter whole = wholeNet();
  caffe::NetParameter net = whole;
  caffe::LayerParameter& loss = *net.add_layer();
  loss.set_name("center");
  loss.set_type("CenterLoss");
  loss.add_bottom("fc4");
  insert(net, kHead, "bn", "Power").mutable_power_param()->set_scale(2);
  expectIn("layer center takes the embedding without bn, a Power",
           errorOf([&] { importNet(net); }));

  net = whole;
  caffe::LayerParameter& more = *net.add_layer();
  more.set_name("projection");
  more.set_type("InnerProduct");
  more.add_bottom("fc4");
  more.add_top("projection");
  expectIn("layer projection stands behind fc4, and no loss", errorOf([&] { importNet(net); }));

  net = whole;
  caffe::LayerParameter& side = insert(net, "conv2_1", "side", "ReLU");
  side.set_top(0, "aside");
  net.mutable_layer(indexOf(net, "conv2_1"))->set_bottom(0, "conv1_1");
  EXPECT_EQ(importNet(net).model.parameters, importNet(whole).model.parameters);
  insert(net, kHead, "mix", "Eltwise").add_bottom("aside");
  expectIn("layer side is a ReLU", errorOf([&] { importNet(net); }));

  net = whole;
  for (caffe::LayerParameter& layer : *net.mutable_layer())
    layer.clear_bottom();
  EXPECT_EQ(importNet(net).model.parameters, importNet(whole).model.parameters);
  caffe::LayerParameter& lost = *net.add_layer();
  lost.set_name("bn1");
  addNumbers(lost, {1, 2, 3});
  caffe::NetParameter mixed = net;
  mixed.add_layers()->set_name("bn2");
  expectIn("of today's form and of that from before 2015",
           errorOf([&] { parseCaffeModel(mixed.SerializeAsString(), "model"); }));
  expectIn("layer bn1, 3 (3 numbers), is none of a SphereFace network",
           errorOf([&] { importNet(net); }));
}

}  // namespace
}  // namespace sphereface
