// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Images a second of the training loader, beside a plain loop that reads the LMDB in order, decodes
// with cv::imdecode and splits into planes. Synthetic faces are painted and packed into a temporary
// folder, as JPEG and as raw pixels. The cases take turns, so that a busy machine slows all of
// them; medians of the turns are printed. "decode alone" is the time of the JPEG files in memory on
// one thread, the floor of every uncached JPEG case.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <string>
#include <vector>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/image_file.h"
#include "base/image_planes.h"
#include "base/json.h"
#include "base/temporary_folder.h"
#include "data/lmdb_file.h"
#include "data/loader.h"
#include "data/pack.h"
#include "data/synth/synth.h"
#include "proto/caffe.pb.h"
#include "proto/text_format.h"

namespace {

using namespace sphereface;
namespace fs = std::filesystem;

constexpr size_t kBatch = 64;

struct Case {
  std::string name;
  size_t threads = 1;
  std::function<void()> run;
  std::vector<double> seconds;
};

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<ptrdiff_t>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

/// Every record's Datum, in key order.
template <class Use>
void forEachDatum(const LmdbReader& reader, Use use) {
  std::string from = "0";
  caffe::Datum datum;
  while (reader.find(from, [&](std::string_view key, std::string_view value) {
    from.assign(key).push_back('\0');
    if (!datum.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
      throw Error("not a Datum");
    }
  })) {
    use(datum);
  }
}

/// The same records with their pixels instead of JPEG files.
void writeRawSet(const Dataset& from, const fs::path& folder) {
  fs::create_directories(folder);
  LmdbWriter writer(folder);
  caffe::Datum datum;
  std::vector<uint8_t> planes;
  for (uint64_t i = 0; i < from.size(); ++i) {
    datum.set_label(from.readPlanes(i, planes));
    datum.set_channels(3);
    datum.set_height(static_cast<int>(from.manifest().height()));
    datum.set_width(static_cast<int>(from.manifest().width()));
    datum.set_data(planes.data(), planes.size());
    writer.put(from.key(i), datum.SerializeAsString());
  }
  writer.commit();
  writeFileAtomically(folder / "manifest.textproto", printText(from.manifest()));
}

/// What one would write in ten minutes.
void plainLoop(const LmdbReader& reader, const cv::Size& size) {
  const auto image_bytes = static_cast<size_t>(3 * size.area());
  std::vector<uint8_t> batch(kBatch * image_bytes);
  size_t at = 0;
  forEachDatum(reader, [&](const caffe::Datum& datum) {
    const cv::Mat bytes(1, static_cast<int>(datum.data().size()), CV_8UC1,
                        const_cast<char*>(datum.data().data()));
    copyPlanes(cv::imdecode(bytes, cv::IMREAD_COLOR), batch.data() + at++ % kBatch * image_bytes);
  });
}

void decodeAll(const std::vector<std::string>& files) {
  std::vector<uint8_t> planes;
  for (const std::string& file : files)
    decodePlanes(file, planes);
}

/// An epoch at each call.
Case loaderCase(const std::string& name, const Dataset& dataset, const AugmentOptions& augment,
                size_t cache_bytes, size_t threads) {
  LoaderOptions options;
  options.augment = augment;
  options.cache_bytes = cache_bytes;
  options.threads = threads;
  const auto loader = std::make_shared<Loader>(dataset, options);
  const auto position = std::make_shared<uint64_t>(0);
  const auto batch = std::make_shared<Batch>();
  return {name,
          threads,
          [loader, position, batch, size = dataset.size()] {
            for (uint64_t at = 0; at < size; at += kBatch)
              loader->request(*position + at, *position + std::min<uint64_t>(at + kBatch, size));
            *position += size;
            while (loader->pending() > 0)
              loader->next(*batch);
          },
          {}};
}

AugmentOptions mild() {
  return {.mirror = true, .rotation = 4, .scale = 0.04, .shift = 2.5};
}

AugmentOptions strong() {
  AugmentOptions options = mild();
  options.low_resolution = 0.3;
  options.grayscale = 0.2;
  options.color_gain = 0.1;
  options.contrast = 0.2;
  options.brightness = 20;
  options.cutout = 0.4;
  return options;
}

/// One augmentation after the other, on images that are in memory.
void addAugmentCases(const std::vector<std::vector<uint8_t>>& images, const cv::Size& size,
                     std::vector<Case>& cases) {
  const std::pair<const char*, AugmentOptions> all[] = {
      {"none (a copy)", {}},
      {"mirror", {.mirror = true}},
      {"rotation, scale, shift", {.rotation = 4, .scale = 0.04, .shift = 2.5}},
      {"low resolution, always", {.low_resolution = 1}},
      {"grey, always", {.grayscale = 1}},
      {"colour gain", {.color_gain = 0.1}},
      {"contrast", {.contrast = 0.2}},
      {"brightness", {.brightness = 20}},
      {"cut-out, always", {.cutout = 1}},
      {"the mild set", mild()},
      {"the strong set", strong()}};
  for (const auto& [name, options] : all) {
    const auto augmenter = std::make_shared<Augmenter>(options);
    cases.push_back({concat("augment: ", name),
                     1,
                     [augmenter, &images, size] {
                       std::vector<uint8_t> out(images[0].size());
                       for (size_t i = 0; i < images.size(); ++i) {
                         Random random(1, i);
                         augmenter->apply(images[i].data(), size, random, out.data());
                       }
                     },
                     {}});
  }
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Images a second of the training loader, on synthetic faces.", "loader_bench");
  size_t identities = 100;
  size_t images_each = 20;
  int turns = 7;
  std::string json_file;
  app.add_option("--identities", identities)->capture_default_str();
  app.add_option("--images-per-identity", images_each)->capture_default_str();
  app.add_option("--turns", turns, "Runs of each case")->capture_default_str();
  app.add_option("--json", json_file, "Write the results to this file");
  CLI11_PARSE(app, argc, argv);
  cv::setNumThreads(1);

  const TemporaryFolder folder;
  SynthOptions synth;
  synth.out = folder / "faces";
  synth.identities = identities;
  synth.images_per_identity = images_each;
  writeSyntheticFaces(synth);
  PackOptions pack;
  pack.input = folder / "faces";
  pack.output = folder / "jpeg";
  packDataset(pack);
  // LMDB wants a file opened once in a process.
  fs::copy(folder / "jpeg", folder / "plain", fs::copy_options::recursive);
  const Dataset jpeg(folder / "jpeg");
  writeRawSet(jpeg, folder / "raw");
  const Dataset raw(folder / "raw");

  const cv::Size size(static_cast<int>(jpeg.manifest().width()),
                      static_cast<int>(jpeg.manifest().height()));
  std::vector<std::string> files;
  std::vector<std::vector<uint8_t>> images(jpeg.size());
  const LmdbReader plain(folder / "plain");
  size_t bytes = 0;
  forEachDatum(plain, [&](const caffe::Datum& datum) {
    files.push_back(datum.data());
    bytes += datum.data().size();
  });
  for (size_t i = 0; i < images.size(); ++i)
    jpeg.readPlanes(i, images[i]);

  std::vector<Case> cases;
  cases.push_back(
      {"plain loop: LMDB, cv::imdecode, split", 1, [&] { plainLoop(plain, size); }, {}});
  cases.push_back({"decode alone", 1, [&] { decodeAll(files); }, {}});
  for (const size_t threads : {size_t{1}, size_t{2}}) {
    cases.push_back(loaderCase("JPEG", jpeg, {}, 0, threads));
    cases.push_back(loaderCase("JPEG, mild augmentation", jpeg, mild(), 0, threads));
    cases.push_back(loaderCase("JPEG, strong augmentation", jpeg, strong(), 0, threads));
    cases.push_back(loaderCase("JPEG, cache", jpeg, {}, SIZE_MAX, threads));
    cases.push_back(
        loaderCase("JPEG, cache, strong augmentation", jpeg, strong(), SIZE_MAX, threads));
    cases.push_back(loaderCase("raw", raw, {}, 0, threads));
    cases.push_back(loaderCase("raw, strong augmentation", raw, strong(), 0, threads));
  }
  addAugmentCases(images, size, cases);

  // The first turn fills caches and isn't counted.
  for (int turn = -1; turn < turns; ++turn) {
    for (Case& one : cases) {
      const auto start = std::chrono::steady_clock::now();
      one.run();
      const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
      if (turn >= 0) one.seconds.push_back(elapsed.count());
    }
  }

  std::printf("%zu images of %d x %d, JPEG files of %zu bytes; medians of %d turns\n",
              images.size(), size.height, size.width, bytes / images.size(), turns);
  std::printf("%-40s %8s %10s %10s %8s\n", "", "threads", "images/s", "us/image", "x plain");
  Json results = Json::array();
  for (const Case& one : cases) {
    const double rate = static_cast<double>(images.size()) / median(one.seconds);
    // Turn by turn, so that a slow moment of the machine is in both.
    std::vector<double> ratios;
    for (size_t turn = 0; turn < one.seconds.size(); ++turn)
      ratios.push_back(cases[0].seconds[turn] / one.seconds[turn]);
    std::printf("%-40s %8zu %10.0f %10.1f %8.2f\n", one.name.c_str(), one.threads, rate, 1e6 / rate,
                median(ratios));
    results.push_back({{"case", one.name},
                       {"threads", one.threads},
                       {"images_per_second", rate},
                       {"ratio_to_plain", median(ratios)}});
  }
  if (!json_file.empty()) {
    Json json;
    json["images"] = images.size();
    json["mean_jpeg_bytes"] = bytes / images.size();
    json["turns"] = turns;
    json["cases"] = results;
    writeJsonFile(json_file, json);
  }
  return 0;
}
