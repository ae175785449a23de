// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/verification_set.h"

#include <cstddef>
#include <cstdio>
#include <memory>
#include <opencv2/core.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/image_file.h"
#include "base/sha256.h"
#include "data/align/alignment_template.h"
#include "evaluation/pickle.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;
using Kind = PickleValue::Kind;

std::string nameOf(size_t image) {
  char digits[24];
  std::snprintf(digits, sizeof digits, "%05zu", image);
  return digits;
}

}  // namespace

bool isVerificationSet(const fs::path& path) {
  return path.extension() == ".bin";
}

VerificationSet readVerificationSet(const fs::path& path) {
  // The encoded images point into these.
  const auto bytes = std::make_shared<const std::string>(readFile(path));
  const std::shared_ptr<const PickleValue> pickle = readPickle(*bytes, path.string());
  const auto fail = [&](const std::string& what) {
    throw Error(concat(path.string(), ": ", what));
  };
  const auto is_list = [](const PickleValue& value) { return value.kind == Kind::kList; };
  if (!is_list(*pickle) || pickle->items.size() != 2 || !is_list(*pickle->items[0]) ||
      !is_list(*pickle->items[1])) {
    fail("is no verification set: must be a pair of two lists, images and booleans");
  }
  const std::vector<PickleValue*>& images = pickle->items[0]->items;
  const std::vector<PickleValue*>& same = pickle->items[1]->items;
  if (images.size() != 2 * same.size()) {
    fail(concat(images.size(), " images of ", same.size(), " pairs"));
  }
  if (same.size() < kTenFolds) fail(concat(same.size(), " pairs make no ten folds"));
  VerificationSet set;
  std::vector<std::string_view> encoded;
  for (size_t i = 0; i < images.size(); ++i) {
    if (images[i]->kind != Kind::kBytes || images[i]->bytes.empty()) {
      fail(concat("image ", i, " is no byte string"));
    }
    encoded.push_back(images[i]->bytes);
    set.images.names.push_back(nameOf(i));
  }
  const std::vector<size_t> folds = tenFolds(same.size());
  for (size_t k = 0; k < same.size(); ++k) {
    if (same[k]->kind != Kind::kNumber || same[k]->number < 0 || same[k]->number > 1) {
      fail(concat("whether pair ", k, " is of one person is no boolean"));
    }
    set.pairs.pairs.push_back({nameOf(2 * k), nameOf(2 * k + 1), folds[k], same[k]->number == 1});
  }
  set.pairs.folds = kTenFolds;
  set.pairs.sha256 = sha256(*bytes);
  set.images.alignment_template = kInsightfaceTemplate;
  set.images.load = [bytes, pickle, encoded = std::move(encoded), file = path.string()](size_t i) {
    const std::string name = concat(file, ": image ", i);
    cv::Mat image = decodeImage(encoded[i], name);
    if (image.rows != kInsightfaceSize || image.cols != kInsightfaceSize) {
      throw Error(concat(name, " is ", image.rows, "x", image.cols, ", must be ", kInsightfaceSize,
                         "x", kInsightfaceSize));
    }
    return image;
  };
  return set;
}

}  // namespace sphereface
