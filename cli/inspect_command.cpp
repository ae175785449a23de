// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <algorithm>
#include <filesystem>
#include <iostream>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/image_file.h"
#include "base/json.h"
#include "cli/commands.h"
#include "data/contact_sheet.h"
#include "data/dataset.h"
#include "model/train_config.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::string path;
  std::string sheet;
  std::string augment;
  size_t rows = 8;
  size_t columns = 8;
  bool verify = false;
  std::string json;
};

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
  std::sort(counts.begin(), counts.end());
  const size_t n = counts.size();
  return {counts.front(), 0.5 * (counts[(n - 1) / 2] + counts[n / 2]), counts.back()};
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

std::vector<SheetRow> sheetRows(const Dataset& dataset, const Options& options) {
  if (options.augment.empty()) return sampleIdentities(dataset, options.rows, options.columns);
  const DataConfig data = loadTrainConfig(options.augment, {}).data();
  return sampleVariants(dataset, options.rows, options.columns, augmentOptions(data), data.seed());
}

void inspectDataset(const Options& options) {
  const Dataset dataset(options.path);
  printDataset(dataset);
  Json json = describe(dataset);
  if (options.verify) {
    dataset.verify();
    std::cout << "verified        the records are what the manifest says\n";
    json["verified"] = true;
  }
  if (!options.sheet.empty()) {
    const cv::Size cell(static_cast<int>(dataset.manifest().width()),
                        static_cast<int>(dataset.manifest().height()));
    const cv::Mat sheet = drawContactSheet(sheetRows(dataset, options), cell);
    writeFileAtomically(options.sheet, encodePng(sheet));
    std::cout << "contact sheet   " << options.sheet << " (" << sheet.cols << " x " << sheet.rows
              << ")\n";
    json["sheet"] = options.sheet;
  }
  if (!options.json.empty()) writeJsonFile(options.json, json);
}

/// What to inspect is told by what lies at the path.
void run(const Options& options) {
  const fs::path path(options.path);
  if (!fs::exists(path)) throw Error(concat("no such file or folder: ", options.path));
  if (fs::exists(path / "data.mdb")) return inspectDataset(options);
  throw Error(concat(options.path, " is no packed data set: it has no data.mdb"));
}

}  // namespace

void addInspectCommand(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("inspect", "Shows what is in a packed data set");
  verb->add_option("path", options->path, "Folder of a packed data set")->required();
  CLI::Option* sheet = verb->add_option(
      "--sheet", options->sheet,
      "Write a contact sheet (PNG): a row of images for each of the first identities");
  verb->add_option("--augment", options->augment,
                   "Training configuration: the sheet's rows are one image of each identity and "
                   "random variants of it, as this configuration would train on")
      ->needs(sheet);
  verb->add_option("--rows", options->rows, "Identities on the contact sheet")
      ->check(CLI::Range(1, 200))
      ->capture_default_str();
  verb->add_option("--columns", options->columns, "Images of each on the contact sheet")
      ->check(CLI::Range(1, 200))
      ->capture_default_str();
  verb->add_flag("--verify", options->verify,
                 "Read all records and compare their checksum with the manifest's");
  verb->add_option("--json", options->json, "Write the results to this file");
  verb->footer("Example: sphereface inspect train.lmdb --verify --sheet train.png");
  verb->callback([options] { run(*options); });
}

}  // namespace sphereface
