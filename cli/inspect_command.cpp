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
  uint32_t embedding = NetworkConfig().embedding();
  uint32_t height = NetworkConfig().height();
  uint32_t width = NetworkConfig().width();
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
  verb.setting("--rows", &options->sheet.rows, "Identities on the contact sheet").range(1, 200);
  verb.setting("--columns", &options->sheet.columns, "Images of each on the contact sheet")
      .range(1, 200);
  const Option verify = verb.flag("--verify", &options->verify,
                                  "Read everything and compare its checksums with the manifest's");
  const Option network =
      verb.option("--network", &options->network, "A network's layers: " + knownNetworks())
          .excludes(path)
          .excludes(sheet)
          .excludes(verify);
  const auto add_size = [&](const char* name, uint32_t* size, const char* what) {
    verb.option(name, size, concat(what, " (default ", *size, ")"))
        .range(1, 1 << 20)
        .needs(network);
  };
  add_size("--embedding", &options->embedding, "Numbers of a feature");
  add_size("--height", &options->height, "Of the images, pixels");
  add_size("--width", &options->width, "Of the images, pixels");
  verb.option("--classes", &options->classes, "With a classifier of so many identities")
      .range(1, 1 << 30)
      .needs(network);
  verb.option("--json", &options->json, "Write the results to this file");
  verb.footer(
      "Example: sphereface inspect train.lmdb --verify --sheet train.png\n"
      "         sphereface inspect runs/casia/checkpoints/step-00028000 --verify\n"
      "         sphereface inspect --network sphereface-20 --classes 10572");
  verb.action([options] { run(*options); });
}

}  // namespace sphereface
