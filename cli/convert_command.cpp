// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/json.h"
#include "base/printable.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "convert/caffe_file.h"
#include "convert/caffe_solver.h"
#include "convert/convert_model.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

struct Options {
  ConvertOptions model;
  std::string image_size;
  std::string mirror = "none";
  fs::path solver;
  fs::path net;
  uint32_t gpus = 1;
  double mhe_weight = 0;
  fs::path json;
};

Json describe(const NetworkConfig& network) {
  return {{"network", network.name()},
          {"height", network.height()},
          {"width", network.width()},
          {"embedding", network.embedding()}};
}

void finish(const Options& options, Json json, const std::vector<std::string>& notes,
            const std::vector<fs::path>& written) {
  json["notes"] = notes;
  json["written"] = Json::array();
  for (const std::string& note : notes)
    std::printf("%s\n", printable(note).c_str());
  for (const fs::path& path : written) {
    std::printf("written: %s\n", path.c_str());
    json["written"].push_back(path.string());
  }
  if (!options.json.empty()) writeJsonFile(options.json, json);
}

void convertOneModel(const Options& options) {
  const Converted result = convertModel(options.model);
  const CheckpointManifest& manifest = result.model.manifest;
  const NetworkConfig& network = manifest.config().network();
  std::printf("%s, %ux%u images, embedding %u, %u classes, step %llu\n", network.name().c_str(),
              network.height(), network.width(), network.embedding(), manifest.classes(),
              static_cast<unsigned long long>(manifest.step()));
  Json json = describe(network);
  json["classes"] = manifest.classes();
  json["step"] = manifest.step();
  finish(options, std::move(json), result.notes, result.written);
}

/// The net that a solver names: from where the command runs, as Caffe reads it, or else beside the
/// solver.
fs::path findNet(const fs::path& solver, const std::string& named) {
  if (fs::exists(named)) return named;
  fs::path beside = solver.parent_path() / fs::path(named).filename();
  if (fs::exists(beside)) return beside;
  throw Error(concat(solver.string(), ": its net ", named, " is neither there nor at ",
                     beside.string(), "; say where with --net"));
}

void convertSolver(const Options& options) {
  if (fs::exists(options.model.to)) {
    throw UsageError(concat("--to: ", options.model.to.string(), " exists already"));
  }
  const std::string solver = readCaffeFile(options.solver);
  const NamedText solver_text{solver, options.solver.string()};
  const fs::path net_file =
      options.net.empty() ? findNet(options.solver, netOfSolver(solver_text)) : options.net;
  const std::string net = readCaffeFile(net_file);
  SolverImport imported = importSolver(solver_text, {net, net_file.string()}, options.gpus,
                                       options.model.image_size, options.mhe_weight);
  TrainConfig& config = imported.config;
  if (!options.model.lmdb.empty()) config.mutable_data()->set_lmdb(options.model.lmdb.string());
  writeFileAtomically(options.model.to, configText(imported));

  const NetworkConfig& network = config.network();
  std::printf("%s, %ux%u images, embedding %u; %llu steps of %u images; ignored:\n",
              network.name().c_str(), network.height(), network.width(), network.embedding(),
              static_cast<unsigned long long>(config.solver().steps()),
              config.solver().batch_size() * config.solver().iter_size());
  finish(options, describe(network), imported.ignored, {options.model.to});
  if (config.data().lmdb().empty()) {
    std::printf("data.lmdb is yet to be named: the data set to train on\n");
  }
}

void run(Options& options) {
  needFolder("--to", options.model.to);
  needFolder("--json", options.json);
  if (!options.image_size.empty()) options.model.image_size = parseImageSize(options.image_size);
  options.model.onnx.mirror = mirrorFromName(options.mirror);
  if (options.model.from.empty() == options.solver.empty()) {
    throw UsageError("convert: say either --from, a model, or --solver");
  }
  if (options.solver.empty()) {
    convertOneModel(options);
  } else {
    convertSolver(options);
  }
}

}  // namespace

void addConvertCommand(const Command& app) {
  auto options = std::make_shared<Options>();
  ConvertOptions& model = options->model;
  const Command verb =
      app.verb("convert", "Read and write other programs' models, and take over a Caffe solver");
  const Option from =
      verb.option("--from", &model.from,
                  "Checkpoint folder, or that of a run (its newest), .caffemodel or .safetensors");
  verb.required("--to", &model.to,
                "New checkpoint folder, .caffemodel (with its deploy .prototxt beside it), .onnx "
                "or .safetensors; with --solver a configuration");
  verb.option("--prototxt", &model.prototxt,
              "Of a .caffemodel: its net, where the model file doesn't tell the images' size")
      .needs(from);
  verb.option("--image-size", &options->image_size,
              "HEIGHTxWIDTH of a Caffe net's images, where no file tells it");
  verb.option("--solverstate", &model.solverstate,
              "Of a .caffemodel: momenta and step of the same snapshot")
      .needs(from);
  verb.option("--alignment", &model.alignment,
              "Template that the model's faces were aligned to (of a .caffemodel for 112x96 "
              "images: sphereface-112x96)")
      .needs(from);
  verb.option("--lmdb", &model.lmdb,
              "Packed data set: the one whose labels the classifier's rows are, in this order, so "
              "that network.init_from takes them too; or the configuration's data.lmdb");
  verb.setting("--mirror", &options->mirror,
               "Of an .onnx: what the mirrored image adds to a feature: none, concat, sum")
      .needs(from);
  verb.flag("--l2-normalize", &model.onnx.unit_length, "Of an .onnx: features of length 1")
      .needs(from);
  const Option solver =
      verb.option("--solver", &options->solver, "Caffe solver, to be made a configuration")
          .excludes(from);
  verb.option("--net", &options->net, "Its training net, if not the one it names").needs(solver);
  verb.setting("--gpus", {&options->gpus, "[1, 4096]"},
               "How many the solver trained on: the net's batch_size is that of one")
      .needs(solver);
  verb.option("--mhe-weight", {&options->mhe_weight, "(0, 1e6]"},
              "head.mhe_weight, in place of the net's InterClass layer (SphereFace+)")
      .needs(solver);
  verb.option("--json", &options->json, "Also write what was done here");
  verb.footer(
      "What a .caffemodel doesn't say is taken as SphereFace has it; what is, is printed.\n"
      "Example: sphereface convert --from sphereface_model.caffemodel --to sphereface20\n"
      "         sphereface convert --from sphereface20 --to sphereface20.onnx --mirror sum\n"
      "         sphereface convert --solver sphereface_solver.prototxt --gpus 2 --to "
      "casia.textproto");
  verb.action([options] { run(*options); });
}

}  // namespace sphereface
