// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "convert/convert_model.h"

#include <utility>

#include "base/atomic_file.h"
#include "base/error.h"
#include "convert/caffe_export.h"
#include "convert/caffe_file.h"
#include "convert/caffe_import.h"
#include "convert/safetensors.h"
#include "data/dataset.h"
#include "model/checkpoint.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

constexpr const char* kCaffeModel = ".caffemodel";
constexpr const char* kPrototxt = ".prototxt";
constexpr const char* kSafetensors = ".safetensors";
constexpr const char* kOnnx = ".onnx";

void readCaffe(const ConvertOptions& options, Converted& result) {
  std::vector<NamedNet> nets;
  caffe::NetParameter description;
  if (!options.prototxt.empty()) {
    description = parseNetPrototxt(readCaffeFile(options.prototxt), options.prototxt.string());
    nets.push_back({description, options.prototxt.string()});
  }
  const caffe::NetParameter weights =
      parseCaffeModel(readCaffeFile(options.from), options.from.string());
  nets.push_back({weights, options.from.string()});
  CaffeImport imported = importCaffe(nets, options.image_size);
  result.model = std::move(imported.model);
  result.notes = std::move(imported.notes);
  if (options.solverstate.empty()) return;
  if (imported.folded) {
    throw Error(concat(options.solverstate.string(),
                       ": its momenta belong to weights that layers were folded into"));
  }
  const caffe::SolverState state =
      parseSolverState(readCaffeFile(options.solverstate), options.solverstate.string());
  importSolverState(nets.back(), state, options.solverstate.string(), result.model);
}

/// Makes the model one that was trained on the data set.
void belongTo(const fs::path& lmdb, TrainedModel& model) {
  const Dataset dataset(lmdb);
  const DatasetManifest& data = dataset.manifest();
  CheckpointManifest& manifest = model.manifest;
  const auto height = static_cast<uint32_t>(model.network.height);
  const auto width = static_cast<uint32_t>(model.network.width);
  if (data.classes() != manifest.classes() || data.height() != height || data.width() != width) {
    throw Error(concat(lmdb.string(), ": ", data.classes(), " classes of ", data.height(), "x",
                       data.width(), " images; the model has ", manifest.classes(), " of ", height,
                       "x", width));
  }
  manifest.set_dataset_sha256(data.sha256());
  manifest.set_color_order(DatasetManifest::ColorOrder_Name(data.color_order()));
  manifest.set_alignment_template(data.alignment_template());
}

void checkOptions(const ConvertOptions& options) {
  const bool of_caffe =
      !options.prototxt.empty() || options.image_size || !options.solverstate.empty();
  if (of_caffe && options.from.extension() != kCaffeModel) {
    throw UsageError(
        "--prototxt, --image-size and --solverstate belong to --from MODEL.caffemodel");
  }
  const bool of_onnx = options.onnx.mirror != Mirror::kNone || options.onnx.unit_length;
  if (of_onnx && options.to.extension() != kOnnx) {
    throw UsageError("--mirror and --l2-normalize belong to --to MODEL.onnx");
  }
  if (options.from.extension() == kOnnx) {
    throw UsageError(
        "--from: ONNX is only written; models are read from a checkpoint, a .caffemodel "
        "or a .safetensors");
  }
  if (fs::exists(options.to)) {
    throw UsageError(concat("--to: ", options.to.string(), " exists already"));
  }
  fs::path prototxt = options.to;
  if (options.to.extension() == kCaffeModel && fs::exists(prototxt.replace_extension(kPrototxt))) {
    throw UsageError(concat("--to: ", prototxt.string(), ", to be written too, exists already"));
  }
}

void readModel(const ConvertOptions& options, Converted& result) {
  if (!fs::exists(options.from)) {
    throw Error(concat("no such file or folder: ", options.from.string()));
  }
  if (options.from.extension() == kCaffeModel) {
    readCaffe(options, result);
  } else if (options.from.extension() == kSafetensors) {
    result.model = parseSafetensors(readFile(options.from), options.from.string());
  } else {
    const std::string to = options.to.extension();
    const bool into_checkpoint = to != kCaffeModel && to != kSafetensors && to != kOnnx;
    result.model = readTrainedCheckpoint(findCheckpoint(options.from), into_checkpoint);
  }
}

void writeModel(const ConvertOptions& options, Converted& result) {
  const fs::path& to = options.to;
  result.written.push_back(to);
  if (to.extension() == kCaffeModel) {
    result.written.push_back(writeCaffeModel(result.model, to, result.notes));
  } else if (to.extension() == kSafetensors) {
    writeSafetensors(result.model, to);
  } else if (to.extension() == kOnnx) {
    writeFileAtomically(to, exportOnnx(result.model, options.onnx).SerializeAsString());
  } else {
    writeTrainedCheckpoint(result.model, to);
  }
}

}  // namespace

Converted convertModel(const ConvertOptions& options) {
  checkOptions(options);
  Converted result;
  readModel(options, result);
  CheckpointManifest& manifest = result.model.manifest;
  if (!options.alignment.empty()) manifest.set_alignment_template(options.alignment);
  if (!options.lmdb.empty()) belongTo(options.lmdb, result.model);
  writeModel(options, result);
  return result;
}

}  // namespace sphereface
