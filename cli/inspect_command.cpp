// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <memory>

#include "base/error.h"
#include "cli/commands.h"
#include "cli/inspect.h"
#include "model/network_config.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

struct Options {
  fs::path path;
  ContactSheetRequest sheet;
  bool verify = false;
  std::string network;
  NetworkConfig shape;
  size_t classes = 0;
  fs::path json;
};

/// What lies at a path tells what it is.
Json inspectPath(const Options& options) {
  if (!fs::exists(options.path)) {
    throw Error(concat("no such file or folder: ", options.path.string()));
  }
  if (fs::exists(options.path / "data.mdb")) {
    return inspectDataset(options.path, options.sheet, options.verify);
  }
  if (fs::exists(options.path / "manifest.textproto")) {
    if (!options.sheet.file.empty()) {
      throw UsageError(concat("--sheet: ", options.path.string(), " is a checkpoint, no data set"));
    }
    return inspectCheckpoint(options.path, options.verify);
  }
  throw Error(concat(options.path.string(),
                     " is neither a packed data set (it has no data.mdb) nor a checkpoint (it has "
                     "no manifest.textproto)"));
}

void run(Options& options) {
  Json json;
  if (options.network.empty()) {
    if (options.path.empty()) {
      throw UsageError("inspect: name a data set, a checkpoint, or a network (--network NAME)");
    }
    json = inspectPath(options);
  } else {
    options.shape.set_name(options.network);
    json = inspectNetwork(options.shape, options.classes);
  }
  if (!options.json.empty()) writeJsonFile(options.json, json);
}

}  // namespace

void addInspectCommand(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("inspect",
                                      "Show what is in a packed data set, a checkpoint or a "
                                      "network");
  CLI::Option* path =
      verb->add_option("path", options->path, "Folder of a packed data set or of a checkpoint");
  CLI::Option* sheet = verb->add_option(
      "--sheet", options->sheet.file,
      "Write a contact sheet (PNG): a row of images for each of the first identities");
  verb->add_option("--augment", options->sheet.augment,
                   "Training configuration: the sheet's rows are one image of each identity and "
                   "random variants of it, as this configuration would train on")
      ->needs(sheet);
  verb->add_option("--rows", options->sheet.rows, "Identities on the contact sheet")
      ->check(CLI::Range(1, 200))
      ->capture_default_str();
  verb->add_option("--columns", options->sheet.columns, "Images of each on the contact sheet")
      ->check(CLI::Range(1, 200))
      ->capture_default_str();
  CLI::Option* verify = verb->add_flag(
      "--verify", options->verify, "Read everything and compare its checksums with the manifest's");
  CLI::Option* network =
      verb->add_option("--network", options->network, "A network's layers: " + knownNetworks())
          ->excludes(path)
          ->excludes(sheet)
          ->excludes(verify);
  NetworkConfig& shape = options->shape;
  const CLI::Range size(1, 1 << 20);
  auto add_size = [&](const char* flag, const char* what, auto set, size_t published) {
    verb->add_option_function<uint32_t>(flag, set, concat(what, " (default ", published, ")"))
        ->type_name("UINT")
        ->check(size)
        ->needs(network);
  };
  add_size(
      "--embedding", "Numbers of a feature",
      [&shape](uint32_t value) { shape.set_embedding(value); }, shape.embedding());
  add_size(
      "--height", "Of the images, pixels", [&shape](uint32_t value) { shape.set_height(value); },
      shape.height());
  add_size(
      "--width", "Of the images, pixels", [&shape](uint32_t value) { shape.set_width(value); },
      shape.width());
  verb->add_option("--classes", options->classes, "With a classifier of so many identities")
      ->check(CLI::Range(1, 1 << 30))
      ->needs(network);
  verb->add_option("--json", options->json, "Write the results to this file");
  verb->footer(
      "Example: sphereface inspect train.lmdb --verify --sheet train.png\n"
      "         sphereface inspect runs/casia/checkpoints/step-00028000 --verify\n"
      "         sphereface inspect --network sphereface-20 --classes 10572");
  verb->callback([options] { run(*options); });
}

}  // namespace sphereface
