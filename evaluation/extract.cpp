// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/extract.h"

#include <algorithm>
#include <fstream>
#include <memory>
#include <opencv2/imgproc.hpp>

#include "base/error.h"
#include "base/image_file.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "data/dataset.h"
#include "kernels/engine.h"
#include "model/checkpoint.h"
#include "model/network_table.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

ImageSource listedImages(const fs::path& list) {
  std::ifstream file(list);
  if (!file) throw Error(concat("cannot open ", list.string()));
  ImageSource source;
  std::string line;
  while (std::getline(file, line)) {
    if (!line.empty()) source.names.push_back(line);
  }
  if (source.names.empty()) throw Error(concat(list.string(), ": no image listed"));
  source.load = [folder = list.parent_path(), names = source.names](size_t i) {
    return readImage(folder / names[i]);
  };
  return source;
}

ImageSource packedImages(const fs::path& folder) {
  const auto dataset = std::make_shared<Dataset>(folder);
  ImageSource source;
  for (uint64_t i = 0; i < dataset->size(); ++i) {
    const std::string key = dataset->key(i);
    source.names.push_back(key.substr(key.find('_') + 1));
  }
  source.alignment_template = dataset->manifest().alignment_template();
  source.load = [dataset](size_t i) { return dataset->read(i).image; };
  return source;
}

ImageSource folderImages(const fs::path& folder) {
  ImageSource source;
  for (const fs::path& path : listImages(folder)) source.names.push_back(path.string());
  source.load = [folder, names = source.names](size_t i) { return readImage(folder / names[i]); };
  return source;
}

/// Interleaved BGR to planes, optionally mirrored.
void copyPlanes(const cv::Mat& image, bool mirror, uint8_t* to) {
  cv::Mat planes[3];
  for (int c = 0; c < 3; ++c) {
    planes[c] = cv::Mat(image.rows, image.cols, CV_8UC1, to + static_cast<size_t>(c) * image.total());
  }
  cv::Mat flipped;
  if (mirror) cv::flip(image, flipped, 1);
  cv::split(mirror ? flipped : image, planes);
}

std::string mirrorName(Mirror mirror) {
  return mirror == Mirror::kConcat ? "concat" : mirror == Mirror::kSum ? "sum" : "none";
}

}  // namespace

Mirror mirrorFromName(const std::string& name) {
  for (const Mirror mirror : {Mirror::kNone, Mirror::kConcat, Mirror::kSum}) {
    if (mirrorName(mirror) == name) return mirror;
  }
  throw UsageError(concat("mirror \"", name, "\": expected none, concat or sum"));
}

ImageSource openImageSource(const fs::path& input) {
  if (fs::is_regular_file(input)) return listedImages(input);
  if (fs::exists(input / "data.mdb")) return packedImages(input);
  return folderImages(input);
}

ImageSource namedImages(const fs::path& directory, const std::vector<std::string>& names) {
  std::vector<fs::path> paths;
  std::vector<std::string> missing;
  for (const std::string& name : names) {
    const fs::path stem = directory / name;
    bool found = false;
    for (const char* suffix : {".jpg", ".png", ".jpeg", ".bmp", ".webp", ".ppm"}) {
      fs::path path = stem;
      path += suffix;
      if (!fs::exists(path)) continue;
      paths.push_back(path);
      found = true;
      break;
    }
    if (!found) missing.push_back(name);
  }
  if (!missing.empty()) {
    std::string first;
    for (size_t i = 0; i < missing.size() && i < 3; ++i) first += (i > 0 ? ", " : "") + missing[i];
    throw Error(concat(missing.size(), " of ", names.size(), " images are missing below ",
                       directory.string(), ": ", first, missing.size() > 3 ? ", ..." : ""));
  }
  ImageSource source;
  source.names = names;
  source.load = [paths](size_t i) { return readImage(paths[i]); };
  return source;
}

FeatureSet extractFeatures(const ExtractOptions& options, const ImageSource& source) {
  const CheckpointManifest manifest = readCheckpointManifest(options.checkpoint);
  if (!source.alignment_template.empty() &&
      source.alignment_template != manifest.alignment_template()) {
    throw Error(concat("the images are aligned to \"", source.alignment_template, "\", ",
                       options.checkpoint.string(), " was trained on \"",
                       manifest.alignment_template(), "\""));
  }
  EngineOptions engine_options;
  engine_options.network = buildNetwork(manifest.config().network());
  engine_options.batch = static_cast<int>(
      std::min(static_cast<size_t>(options.batch), std::max<size_t>(1, source.names.size())));
  const size_t threads =
      options.threads > 0 ? static_cast<size_t>(options.threads) : availableThreads();
  engine_options.threads = static_cast<int>(threads);
  const Network& network = engine_options.network;
  const std::unique_ptr<Engine> engine = makeEngine(Device::kCpu, engine_options);
  loadCheckpoint(options.checkpoint, manifest, network, *engine);

  const auto embedding = static_cast<size_t>(network.embedding);
  const auto batch = static_cast<size_t>(engine_options.batch);
  FeatureSet features;
  features.names = source.names;
  features.rows = source.names.size();
  features.dim = embedding * (options.mirror == Mirror::kConcat ? 2 : 1);
  features.values.resize(features.rows * features.dim);
  features.model_sha256 = modelChecksum(manifest);
  features.mirror = mirrorName(options.mirror);
  features.alignment_template = manifest.alignment_template();
  features.color_order = manifest.color_order();

  std::vector<cv::Mat> images(batch);
  std::vector<uint8_t> bytes(batch * network.imageBytes());
  std::vector<float> embeddings(batch * embedding);
  Progress progress("extracting", features.rows, "images");
  for (size_t begin = 0; begin < features.rows; begin += batch) {
    const size_t count = std::min(batch, features.rows - begin);
    parallelFor(count, threads, [&](size_t i) {
      images[i] = source.load(begin + i);
      if (images[i].rows != network.height || images[i].cols != network.width) {
        throw Error(concat(source.names[begin + i], " is ", images[i].rows, "x", images[i].cols,
                           ", the network wants ", network.height, "x", network.width,
                           " (height x width): align it first"));
      }
    });
    const int passes = options.mirror == Mirror::kNone ? 1 : 2;
    for (int pass = 0; pass < passes; ++pass) {
      for (size_t i = 0; i < count; ++i) {
        copyPlanes(images[i], pass == 1, bytes.data() + i * network.imageBytes());
      }
      engine->embed(bytes, embeddings);
      for (size_t i = 0; i < count; ++i) {
        float* row = features.values.data() + (begin + i) * features.dim;
        if (options.mirror == Mirror::kConcat && pass == 1) row += embedding;
        for (size_t k = 0; k < embedding; ++k) row[k] += embeddings[i * embedding + k];
      }
    }
    progress.add(count);
  }
  return features;
}

}  // namespace sphereface
