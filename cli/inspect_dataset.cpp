// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <algorithm>
#include <iostream>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/image_file.h"
#include "base/statistics.h"
#include "cli/inspect.h"
#include "data/contact_sheet.h"
#include "data/dataset.h"
#include "data/lmdb_check.h"
#include "model/train_config.h"

namespace sphereface {
namespace {

struct ImagesPerClass {
  uint32_t smallest = 0;
  double median = 0;
  uint32_t largest = 0;
};

ImagesPerClass imagesPerClass(const DatasetManifest& manifest) {
  std::vector<uint32_t> counts;
  for (const DatasetManifest::Identity& identity : manifest.identity()) {
    counts.push_back(identity.images());
  }
  const auto [smallest, largest] = std::ranges::minmax(counts);
  return {smallest, medianByMean({counts.begin(), counts.end()}), largest};
}

std::string readOrder(const DatasetManifest& manifest) {
  return manifest.has_shuffle_seed() ? concat("shuffled with seed ", manifest.shuffle_seed())
                                     : "as they came";
}

void printDataset(const Dataset& dataset) {
  const DatasetManifest& m = dataset.manifest();
  const ImagesPerClass images = imagesPerClass(m);
  std::cout << "data set        " << dataset.folder().string() << "\n"
            << "source          " << m.source() << "\n"
            << "records         " << m.records() << "\n"
            << "classes         " << m.classes() << "\n"
            << "images a class  " << images.smallest << " to " << images.largest << ", median "
            << images.median << "\n"
            << "shape           " << m.channels() << " x " << m.height() << " x " << m.width()
            << " (channels x height x width)\n"
            << "colour order    " << DatasetManifest::ColorOrder_Name(m.color_order()) << "\n"
            << "encoding        " << DatasetManifest::Encoding_Name(m.encoding()) << "\n"
            << "alignment       " << m.alignment_template() << "\n"
            << "normalisation   (byte - " << m.normalization_mean() << ") * "
            << m.normalization_scale() << "\n"
            << "order           " << readOrder(m) << "\n"
            << "SHA-256         " << m.sha256() << "\n";
}

Json describe(const Dataset& dataset) {
  const DatasetManifest& m = dataset.manifest();
  const ImagesPerClass images = imagesPerClass(m);
  Json json;
  json["kind"] = "dataset";
  json["path"] = dataset.folder().string();
  json["source"] = m.source();
  json["records"] = m.records();
  json["classes"] = m.classes();
  json["images_per_class"] = {
      {"min", images.smallest}, {"median", images.median}, {"max", images.largest}};
  json["channels"] = m.channels();
  json["height"] = m.height();
  json["width"] = m.width();
  json["color_order"] = DatasetManifest::ColorOrder_Name(m.color_order());
  json["encoding"] = DatasetManifest::Encoding_Name(m.encoding());
  json["alignment_template"] = m.alignment_template();
  json["normalization"] = {{"mean", m.normalization_mean()}, {"scale", m.normalization_scale()}};
  if (m.has_shuffle_seed()) json["shuffle_seed"] = m.shuffle_seed();
  json["sha256"] = m.sha256();
  return json;
}

std::vector<SheetRow> sheetRows(const Dataset& dataset, const ContactSheetRequest& sheet) {
  if (sheet.augment.empty()) return sampleIdentities(dataset, sheet.rows, sheet.columns);
  const DataConfig data = loadTrainConfig(sheet.augment, {}).data();
  return sampleVariants(dataset, sheet.rows, sheet.columns, augmentOptions(data), data.seed());
}

}  // namespace

Json inspectDataset(const std::filesystem::path& folder, const ContactSheetRequest& sheet,
                    bool verify) {
  const Dataset dataset(folder);
  checkLmdb(folder / "data.mdb");
  printDataset(dataset);
  Json json = describe(dataset);
  if (verify) {
    dataset.verify();
    std::cout << "verified        the records are what the manifest says\n";
    json["verified"] = true;
  }
  if (!sheet.file.empty()) {
    const cv::Size cell(static_cast<int>(dataset.manifest().width()),
                        static_cast<int>(dataset.manifest().height()));
    const cv::Mat drawn = drawContactSheet(sheetRows(dataset, sheet), cell);
    writeFileAtomically(sheet.file, encodePng(drawn));
    std::cout << "contact sheet   " << sheet.file << " (" << drawn.cols << " x " << drawn.rows
              << ")\n";
    json["sheet"] = sheet.file;
  }
  return json;
}

}  // namespace sphereface
