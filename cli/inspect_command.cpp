// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// `sphereface inspect` of a packed data set, a checkpoint or a network: a function each, which
// prints and returns what --json writes.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/image_file.h"
#include "base/json.h"
#include "base/printable.h"
#include "base/statistics.h"
#include "cli/commands.h"
#include "data/contact_sheet.h"
#include "data/dataset.h"
#include "data/lmdb_check.h"
#include "model/checkpoint.h"
#include "model/checkpoint_check.h"
#include "model/network_config.h"
#include "model/train_config.h"
#include "proto/field_ranges.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

struct ContactSheetRequest {
  std::string file;     // empty: none
  std::string augment;  // configuration whose random variants are shown; empty: images as they are
  size_t rows = 8;
  size_t columns = 8;
};

struct Options {
  fs::path path;
  ContactSheetRequest sheet;
  bool verify = false;
  std::string network;
  uint32_t embedding = NetworkConfig().embedding();
  uint32_t height = NetworkConfig().height();
  uint32_t width = NetworkConfig().width();
  size_t classes = 0;
  fs::path json;
};

// ---------------------------------------------------------------------------------------- data set

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
  std::cout << "data set        " << printableLine(dataset.folder().string()) << "\n"
            << "source          " << printableLine(m.source()) << "\n"
            << "records         " << m.records() << "\n"
            << "classes         " << m.classes() << "\n"
            << "images a class  " << images.smallest << " to " << images.largest << ", median "
            << images.median << "\n"
            << "shape           " << m.channels() << " x " << m.height() << " x " << m.width()
            << " (channels x height x width)\n"
            << "colour order    " << DatasetManifest::ColorOrder_Name(m.color_order()) << "\n"
            << "encoding        " << DatasetManifest::Encoding_Name(m.encoding()) << "\n"
            << "alignment       " << printableLine(m.alignment_template()) << "\n"
            << "normalisation   (byte - " << m.normalization_mean() << ") * "
            << m.normalization_scale() << "\n"
            << "order           " << readOrder(m) << "\n"
            << "SHA-256         " << m.sha256() << "\n";
}

Json describeDataset(const Dataset& dataset) {
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

Json inspectDataset(const fs::path& folder, const ContactSheetRequest& sheet, bool verify) {
  const Dataset dataset(folder);
  checkLmdb(folder / "data.mdb");
  printDataset(dataset);
  Json json = describeDataset(dataset);
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

// -------------------------------------------------------------------------------------- checkpoint

std::string shapeOf(const TensorSummary& tensor) {
  std::string text;
  for (const uint64_t extent : tensor.dim)
    text += (text.empty() ? "" : " x ") + std::to_string(extent);
  return text;
}

uint64_t notFinite(const std::vector<TensorSummary>& tensors) {
  uint64_t sum = 0;
  for (const TensorSummary& tensor : tensors)
    sum += tensor.not_finite;
  return sum;
}

Json describeCheckpoint(const fs::path& folder, const CheckpointManifest& m) {
  Json json;
  json["kind"] = "checkpoint";
  json["path"] = folder.string();
  json["step"] = m.step();
  json["forward_passes"] = m.forward_passes();
  json["network"] = m.config().network().name();
  json["embedding"] = m.config().network().embedding();
  json["height"] = m.config().network().height();
  json["width"] = m.config().network().width();
  json["classes"] = m.classes();
  json["color_order"] = m.color_order();
  json["alignment_template"] = m.alignment_template();
  json["normalization"] = {{"mean", m.normalization_mean()}, {"scale", m.normalization_scale()}};
  json["dataset_sha256"] = m.dataset_sha256();
  json["parts"] = Json::array();
  for (const CheckpointManifest::Part& part : m.part()) {
    json["parts"].push_back(
        {{"file", part.file()}, {"bytes", part.bytes()}, {"sha256", part.sha256()}});
  }
  return json;
}

void printCheckpoint(const fs::path& folder, const CheckpointManifest& m) {
  const NetworkConfig& network = m.config().network();
  std::printf("checkpoint      %s\n", printableLine(folder.string()).c_str());
  std::printf("step            %llu (%llu forward passes)\n",
              static_cast<unsigned long long>(m.step()),
              static_cast<unsigned long long>(m.forward_passes()));
  std::printf("network         %s, %ux%u images, embedding %u\n", network.name().c_str(),
              network.height(), network.width(), network.embedding());
  std::printf("classes         %u\n", m.classes());
  std::printf("colour order    %s\n", printableLine(m.color_order()).c_str());
  std::printf("alignment       %s\n", printableLine(m.alignment_template()).c_str());
  std::printf("normalisation   (byte - %g) * %g\n", m.normalization_mean(),
              m.normalization_scale());
  std::printf("data set        SHA-256 %s\n", printableLine(m.dataset_sha256()).c_str());
  for (const CheckpointManifest::Part& part : m.part()) {
    std::printf("part            %s, %llu bytes, SHA-256 %s\n", printableLine(part.file()).c_str(),
                static_cast<unsigned long long>(part.bytes()), part.sha256().c_str());
  }
}

Json inspectCheckpoint(const fs::path& folder, bool verify) {
  const CheckpointManifest manifest = readCheckpointManifest(folder);
  printCheckpoint(folder, manifest);
  Json json = describeCheckpoint(folder, manifest);
  if (verify) {
    verifyCheckpoint(folder, manifest);
    std::printf("verified        the parts are what the manifest says\n");
    json["verified"] = true;
  }
  const std::vector<TensorSummary> weights =
      summarizeTensors(folder, manifest, CheckpointManifest::Part::PARAMETERS);
  const std::vector<TensorSummary> momentum =
      summarizeTensors(folder, manifest, CheckpointManifest::Part::MOMENTUM);
  std::printf("\n%-12s %20s %12s %12s %12s %8s\n", "tensor", "shape", "norm", "largest", "momentum",
              "NaN/Inf");
  Json tensors = Json::array();
  for (size_t i = 0; i < weights.size(); ++i) {
    const TensorSummary& w = weights[i];
    const TensorSummary& v = momentum[i];
    const uint64_t not_finite = w.not_finite + v.not_finite;
    std::printf("%-12s %20s %12.6g %12.6g %12.6g %8llu\n", printableLine(w.name).c_str(),
                shapeOf(w).c_str(), w.norm, w.largest, v.norm,
                static_cast<unsigned long long>(not_finite));
    tensors.push_back({{"name", w.name},
                       {"shape", w.dim},
                       {"norm", w.norm},
                       {"largest", w.largest},
                       {"not_finite", w.not_finite},
                       {"momentum_norm", v.norm},
                       {"momentum_not_finite", v.not_finite}});
  }
  json["tensors"] = std::move(tensors);
  json["not_finite"] = notFinite(weights);
  json["momentum_not_finite"] = notFinite(momentum);
  std::printf("\nNaN or infinite: %llu of the parameters, %llu of the momenta\n",
              static_cast<unsigned long long>(notFinite(weights)),
              static_cast<unsigned long long>(notFinite(momentum)));
  return json;
}

// ----------------------------------------------------------------------------------------- network

Json inspectNetwork(const NetworkConfig& config, size_t classes) {
  const Network network = buildNetwork(config);
  Json json;
  json["kind"] = "network";
  json["network"] = network.name;
  json["input"] = {network.channels, network.height, network.width};
  json["embedding"] = network.embedding;
  if (classes > 0) json["classes"] = classes;
  Json layers = Json::array();
  LayerRow total;
  std::printf("%s, %dx%d images (height x width), embedding %d\n\n", network.name.c_str(),
              network.height, network.width, network.embedding);
  std::printf("%-9s %-23s %15s %12s %10s\n", "layer", "what", "output", "parameters", "MMAC");
  for (const LayerRow& row : layerTable(network, classes)) {
    std::printf("%-9s %-23s %15s %12zu %10.2f\n", row.name.c_str(), row.kind.c_str(),
                concat(row.channels, " x ", row.height, " x ", row.width).c_str(), row.parameters,
                static_cast<double>(row.multiply_adds) / 1e6);
    layers.push_back({{"name", row.name},
                      {"kind", row.kind},
                      {"output", {row.channels, row.height, row.width}},
                      {"parameters", row.parameters},
                      {"multiply_adds", row.multiply_adds},
                      {"activations", row.activations}});
    total.parameters += row.parameters;
    total.multiply_adds += row.multiply_adds;
    total.activations += row.activations;
  }
  std::printf("%-9s %-23s %15s %12zu %10.2f\n\n", "total",
              concat(network.convs.size(), " convolutions").c_str(), "", total.parameters,
              static_cast<double>(total.multiply_adds) / 1e6);
  std::printf("multiply-adds of an image: %.3f G forward; a training step about 6 FLOP for each\n",
              static_cast<double>(total.multiply_adds) / 1e9);
  std::printf("activations of an image: %.2f M floats (convolution, PReLU, addition)\n",
              static_cast<double>(total.activations) / 1e6);
  json["layers"] = std::move(layers);
  json["convolutions"] = network.convs.size();
  json["parameters"] = total.parameters;
  json["multiply_adds"] = total.multiply_adds;
  json["activations"] = total.activations;
  return json;
}

// ------------------------------------------------------------------------------------ command line

/// What lies at a path tells what it is.
Json inspectPath(const Options& options) {
  if (!fs::exists(options.path)) {
    throw Error(concat("no such file or folder: ", options.path.string()));
  }
  if (fs::exists(options.path / "data.mdb")) {
    return inspectDataset(options.path, options.sheet, options.verify);
  }
  if (fs::is_directory(options.path) && !fs::exists(options.path / "manifest.textproto") &&
      listCheckpoints(options.path).empty()) {
    throw Error(concat(options.path.string(),
                       " is neither a packed data set (it has no data.mdb) nor a checkpoint (it "
                       "has no manifest.textproto) nor a run folder with one"));
  }
  const fs::path checkpoint = findCheckpoint(options.path);
  if (!options.sheet.file.empty()) {
    throw UsageError(concat("--sheet: ", options.path.string(), " is a checkpoint, no data set"));
  }
  return inspectCheckpoint(checkpoint, options.verify);
}

void run(Options& options) {
  Json json;
  if (options.network.empty()) {
    if (options.path.empty()) {
      throw UsageError("inspect: name a data set, a checkpoint, or a network (--network NAME)");
    }
    json = inspectPath(options);
  } else {
    NetworkConfig network;
    network.set_name(options.network);
    network.set_embedding(options.embedding);
    network.set_height(options.height);
    network.set_width(options.width);
    json = inspectNetwork(network, options.classes);
  }
  if (!options.json.empty()) writeJsonFile(options.json, json);
}

}  // namespace

void addInspectCommand(const Command& app) {
  auto options = std::make_shared<Options>();
  const Command verb = app.verb("inspect",
                                "Show what is in a packed data set, a checkpoint or a "
                                "network");
  const Option path =
      verb.option("path", &options->path, "Folder of a packed data set or of a checkpoint");
  const Option sheet =
      verb.option("--sheet", &options->sheet.file,
                  "Write a contact sheet (PNG): a row of images for each of the first identities");
  verb.option("--augment", &options->sheet.augment,
              "Training configuration: the sheet's rows are one image of each identity and random "
              "variants of it, as this configuration would train on")
      .needs(sheet);
  verb.setting("--rows", {&options->sheet.rows, "[1, 200]"}, "Identities on the contact sheet");
  verb.setting("--columns", {&options->sheet.columns, "[1, 200]"},
               "Images of each on the contact sheet");
  const Option verify = verb.flag("--verify", &options->verify,
                                  "Read everything and compare its checksums with the manifest's");
  const Option network =
      verb.option("--network", &options->network, "A network's layers: " + knownNetworks())
          .excludes(path)
          .excludes(sheet)
          .excludes(verify);
  const auto add_size = [&](const char* name, uint32_t* size, const char* what) {
    verb.option(name, {size, allowedOf<NetworkConfig>(name + 2)},
                concat(what, " (default ", *size, ")"))
        .needs(network);
  };
  add_size("--embedding", &options->embedding, "Numbers of a feature");
  add_size("--height", &options->height, "Of the images, pixels");
  add_size("--width", &options->width, "Of the images, pixels");
  verb.option("--classes", {&options->classes, "[1, 1073741824]"},
              "With a classifier of so many identities")
      .needs(network);
  verb.option("--json", &options->json, "Write the results to this file");
  verb.footer(
      "Example: sphereface inspect train.lmdb --verify --sheet train.png\n"
      "         sphereface inspect runs/casia/checkpoints/step-00028000 --verify\n"
      "         sphereface inspect --network sphereface-20 --classes 10572");
  verb.action([options] { run(*options); });
}

}  // namespace sphereface
