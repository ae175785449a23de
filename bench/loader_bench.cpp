// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Images a second of the training loader, beside a plain loop that reads the LMDB in order, decodes
// with cv::imdecode and splits into planes. Synthetic faces are painted and packed into a temporary
// folder, as JPEG and as raw pixels. The cases take turns, an epoch each; medians of the turns are
// printed, "least" and "most" of single turns. "decode alone" is the time of the JPEG files in
// memory on one thread, the floor of every uncached JPEG case.
//
//   build/bin/loader_bench --identities 100 --turns 7

#include <algorithm>
#include <filesystem>
#include <memory>
#include <opencv2/imgcodecs.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/image_file.h"
#include "base/image_planes.h"
#include "base/temporary_folder.h"
#include "bench/harness.h"
#include "data/lmdb_file.h"
#include "data/loader.h"
#include "data/pack.h"
#include "data/synth/synth.h"
#include "proto/caffe.pb.h"

namespace {

using namespace sphereface;
namespace fs = std::filesystem;

constexpr size_t kBatch = 64;

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

/// What one would write in ten minutes.
void plainLoop(const LmdbReader& reader, const cv::Size& size) {
  const auto image_bytes = 3 * static_cast<size_t>(size.area());
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

/// Takes an epoch at each turn.
bench::Contender loading(const std::string& records, const Dataset& dataset,
                         const AugmentOptions& augment, size_t cache_bytes, size_t threads) {
  LoaderOptions options;
  options.augment = augment;
  options.cache_bytes = cache_bytes;
  options.threads = threads;
  const auto loader = std::make_shared<Loader>(dataset, options);
  const auto position = std::make_shared<uint64_t>(0);
  const auto batch = std::make_shared<Batch>();
  const auto epoch = [loader, position, batch, size = dataset.size()] {
    for (uint64_t at = 0; at < size; at += kBatch)
      loader->request(*position + at, *position + std::min<uint64_t>(at + kBatch, size));
    *position += size;
    while (loader->pending() > 0)
      loader->next(*batch);
  };
  return {concat(records, ", threads ", threads), [epoch] { return bench::secondsOf(epoch); }};
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
                     std::vector<bench::Contender>& cases) {
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
    const auto all_images = [augmenter, &images, size] {
      std::vector<uint8_t> out(images[0].size());
      for (size_t i = 0; i < images.size(); ++i) {
        Random random(1, i);
        augmenter->apply(images[i].data(), size, random, out.data());
      }
    };
    cases.push_back({concat("augment: ", name), [=] { return bench::secondsOf(all_images); }});
  }
}

void measure(bench::Bench& bench) {
  SynthOptions synth;
  synth.identities = bench.option("--identities", size_t{100});
  synth.images_per_identity = bench.option("--images-per-identity", size_t{20});
  const int turns = bench.option("--turns", 7);
  bench.start();
  cv::setNumThreads(1);

  const TemporaryFolder folder;
  synth.out = folder / "faces";
  writeSyntheticFaces(synth);
  PackOptions pack;
  pack.input = folder / "faces";
  pack.output = folder / "jpeg";
  packDataset(pack);
  // LMDB wants a file opened once in a process.
  fs::copy(folder / "jpeg", folder / "plain", fs::copy_options::recursive);
  const Dataset jpeg(folder / "jpeg");
  pack.output = folder / "raw";
  pack.encoding = parseEncoding("raw");
  packDataset(pack);
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

  std::vector<bench::Contender> cases = {
      {"plain loop: LMDB, cv::imdecode, split",
       [&] { return bench::secondsOf([&] { plainLoop(plain, size); }); }},
      {"decode alone", [&] { return bench::secondsOf([&] { decodeAll(files); }); }}};
  for (const size_t threads : {size_t{1}, size_t{2}}) {
    const auto add = [&](const std::string& records, const Dataset& dataset,
                         const AugmentOptions& augment, size_t cache_bytes = 0) {
      cases.push_back(loading(records, dataset, augment, cache_bytes, threads));
    };
    add("JPEG", jpeg, {});
    add("JPEG, mild augmentation", jpeg, mild());
    add("JPEG, strong augmentation", jpeg, strong());
    add("JPEG, cache", jpeg, {}, SIZE_MAX);
    add("JPEG, cache, strong augmentation", jpeg, strong(), SIZE_MAX);
    add("raw", raw, {});
    add("raw, strong augmentation", raw, strong());
  }
  addAugmentCases(images, size, cases);
  bench::takeTurns(cases, {.rounds = turns});

  const auto count = static_cast<double>(images.size());
  bench.fact({"images", count});
  bench.fact({"mean JPEG bytes", bytes / images.size()});
  for (const bench::Contender& one : cases) {
    bench.row("cases", {{"case", one.name, 42},
                        {"images/s", count / one.median()},
                        {"least", count / one.longest()},
                        {"most", count / one.shortest()},
                        {"us/image", 1e6 * one.median() / count, 1},
                        {"x plain", one.timesAsFastAs(cases[0]), 2}});
  }
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run(argc, argv, measure);
}
