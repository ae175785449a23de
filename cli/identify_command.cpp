// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <cstdio>
#include <filesystem>
#include <memory>
#include <opencv2/core.hpp>
#include <opencv2/core/utils/logger.hpp>
#include <string>
#include <utility>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/image_file.h"
#include "base/image_folder.h"
#include "base/json.h"
#include "base/parallel.h"
#include "base/printable.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "data/align/alignment_template.h"
#include "data/align/mtcnn_networks.h"
#include "evaluation/embedder.h"
#include "evaluation/extract.h"
#include "evaluation/open_set.h"
#include "identify/annotate.h"
#include "identify/gallery.h"
#include "identify/identify.h"
#include "identify/identify_report.h"
#include "identify/video_file.h"
#include "model/checkpoint.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

struct Options {
  ExtractOptions extract;
  std::string mirror = "concat";
  fs::path models;
  fs::path gallery;
  fs::path input;
  fs::path output;
  int min_face = 20;
  NamingRule rule;
  fs::path open_set_result;
  double far = 0.01;
  fs::path report;
  fs::path json;
};

constexpr size_t kPhotographsNamed = 10;

/// Of a video, `photographs` has no names.
struct Input {
  IdentifyInput what;
  ImageSource photographs;
};

Input openInput(const fs::path& path) {
  if (!fs::exists(path)) throw UsageError(concat("--input: no such file: ", path.string()));
  Input input{{path, {}, 0}, {}};
  if (fs::is_directory(path)) {
    input.photographs = openPhotographs(path);
  } else if (isImageFile(path)) {
    input.photographs.names = {path.filename().string()};
    input.photographs.load = [path](size_t) { return readPhotograph(path); };
  } else {
    input.what.frames_per_second = VideoReader(path).framesPerSecond();
  }
  input.what.photographs = input.photographs.names;
  return input;
}

/// Before the work is done: what of the command line couldn't be written in the end.
void checkOutput(const Options& options, const Input& input) {
  for (const auto& [flag, file] : {std::pair{"--output", options.output},
                                   {"--report", options.report},
                                   {"--json", options.json}}) {
    needFolder(flag, file);
  }
  const std::string output = options.output.string();
  if (fs::is_directory(options.input)) {
    if (fs::exists(options.output)) throw UsageError(concat("--output: ", output, " is there"));
    return;
  }
  if (fs::exists(options.output) && fs::equivalent(options.input, options.output)) {
    throw UsageError("--output: is the input itself");
  }
  if (input.what.isVideo() && !hasVideoSuffix(options.output)) {
    throw UsageError(
        concat("--output: ", output, ": videos are written as .avi, .mp4, .mov, .mkv"));
  }
  if (!input.what.isVideo() && !hasWrittenSuffix(options.output)) {
    throw UsageError(concat("--output: ", output, ": needs the suffix of a photograph"));
  }
}

void checkNetwork(const Embedder& embedder, const fs::path& checkpoint) {
  const Network& network = embedder.network();
  const std::string& trained_on = embedder.manifest().alignment_template();
  if (trained_on != kAlignmentTemplate || network.height != kAlignedHeight ||
      network.width != kAlignedWidth) {
    throw Error(
        concat(checkpoint.string(), " was trained on \"", trained_on, "\" faces of ",
               network.height, "x", network.width, ", identify makes \"", kAlignmentTemplate,
               "\" of ", kAlignedHeight, "x", kAlignedWidth,
               trained_on == "unknown" ? "; if they were such, convert --alignment says so" : ""));
  }
}

void tellPassedOver(const char* where, const PassedOver& files) {
  if (files.empty()) return;
  std::printf("%spassed over, as no images: %s\n", where, printableLine(files.text()).c_str());
}

void tellGallery(const Gallery& gallery) {
  size_t photographs = 0;
  size_t aligned = 0;
  size_t several = 0;
  for (const GalleryPerson& person : gallery.people) {
    photographs += person.photographs;
    aligned += person.aligned_photographs;
    for (const std::string& name : person.several_faces) {
      if (several++ < kPhotographsNamed)
        std::printf("gallery: %s shows several faces; the most central was taken\n",
                    printableLine(name).c_str());
    }
  }
  if (several > kPhotographsNamed) {
    std::printf("gallery: so do %zu more; --json lists them\n", several - kPhotographsNamed);
  }
  tellPassedOver("gallery: ", gallery.passed_over);
  std::printf("gallery: %zu people, %zu photographs, %zu of them aligned already\n",
              gallery.people.size(), photographs, aligned);
}

void annotate(const Options& options, const Input& input, const IdentifiedFaces& identified,
              const Gallery& gallery, size_t threads) {
  if (input.what.isVideo()) {
    annotateVideo(options.input, identified, gallery, options.output);
  } else if (fs::is_directory(options.input)) {
    annotatePhotographs(input.photographs, identified, gallery, options.output, threads);
  } else {
    annotatePhotograph(input.photographs.load(0), identified, gallery, options.output);
  }
}

void run(Options options) {
  if (!options.output.has_filename()) options.output = options.output.parent_path();  // "out/"
  options.extract.mirror = mirrorFromName(options.mirror);
  // Images are what is worked on in parallel; OpenCV's own threads would only get in the way.
  cv::setNumThreads(1);
  // What becomes of the video backends that OpenCV tries is in our own errors.
  cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
  const Input input = openInput(options.input);
  checkOutput(options, input);
  const MtcnnNetworks networks = loadMtcnn(options.models);
  options.extract.checkpoint = findCheckpoint(options.extract.checkpoint);
  Embedder embedder(options.extract);
  checkNetwork(embedder, options.extract.checkpoint);
  const std::string model = modelChecksum(embedder.manifest());
  if (!options.open_set_result.empty()) {
    options.rule.threshold =
        openSetThreshold(options.open_set_result, options.far, model, options.mirror);
  }
  tellPassedOver("input: ", input.photographs.passed_over);
  const size_t threads = options.extract.threads > 0 ? static_cast<size_t>(options.extract.threads)
                                                     : availableThreads();
  const Gallery gallery = enrol(options.gallery, networks, embedder, options.min_face, threads);
  tellGallery(gallery);
  const Identifier identifier{networks, embedder, gallery, options.rule, options.min_face, threads};
  const IdentifiedFaces identified = input.what.isVideo()
                                         ? identifyVideo(identifier, options.input)
                                         : identifyPhotographs(identifier, input.photographs);
  annotate(options, input, identified, gallery, threads);
  std::printf("threshold %.4f\n%s", options.rule.threshold,
              identifyTable(input.what, identified, gallery).c_str());
  if (!options.report.empty()) {
    writeFileAtomically(options.report,
                        identifyPage(input.what, identified, gallery, options.rule));
  }
  if (options.json.empty()) return;
  Json result = {{"model_sha256", model}, {"mirror", options.mirror}};
  result.update(identifyJson(input.what, identified, gallery, options.rule));
  result["passed_over"] = {{"gallery", gallery.passed_over.toJson()},
                           {"input", input.photographs.passed_over.toJson()}};
  result["output"] = options.output.string();
  writeJsonFile(options.json, result);
}

}  // namespace

void addIdentifyCommand(const Command& app) {
  auto options = std::make_shared<Options>();
  options->extract.batch = 16;
  const Command verb = app.verb(
      "identify", "Name the faces of a video or of photographs by a gallery of known people");
  verb.required("--checkpoint", &options->extract.checkpoint,
                "Checkpoint folder, or that of a run: its newest");
  verb.required("--models", &options->models,
                "Folder with MTCNN's {p,r,o}net.onnx (scripts/get_detector.sh fetches them) or "
                "det{1,2,3}.caffemodel");
  verb.required(
      "--gallery", &options->gallery,
      "Folder of the known people: NAME/*.jpg or NAME.jpg, photographs or aligned faces of 112x96");
  verb.required("--input", &options->input, "A video, a photograph, or a folder of photographs");
  verb.required("--output", &options->output,
                "The same with boxes and names: a video (.avi, .mp4, .mov, .mkv), a photograph, or "
                "a new folder");
  const Command threshold = verb.exactlyOneOf("Who is known");
  threshold.option("--threshold", {&options->rule.threshold, "[-1, 1]"},
                   "The least cosine with a person of the gallery; below it a face is unknown");
  const Option result = threshold.option(
      "--open-set-result", &options->open_set_result,
      "Takes the threshold from a result of `evaluate open-set` with this checkpoint");
  verb.setting("--far", {&options->far, "(0, 1]"},
               "With --open-set-result: the false alarm rate, 0.001, 0.01 or 0.1")
      .needs(result);
  verb.setting("--margin", {&options->rule.margin, "[0, 2]"},
               "How much higher the cosine has to be than with the next person");
  verb.setting("--mirror", &options->mirror,
               "What the mirrored face adds: none, concat (SphereFace), sum (ArcFace)");
  verb.setting("--min-face", {&options->min_face, "[12, 100000]"},
               "Side of the smallest face looked for, pixels");
  addDeviceOption(verb, options->extract.device);
  verb.setting("--threads", {&options->extract.threads, "[0, 4096]"},
               "Threads that look for faces and, on a CPU, compute features; 0: all cores");
  verb.option("--report", &options->report,
              "Also write an HTML page with the faces that were found, person by person");
  verb.option("--json", &options->json, "Also write the result here");
  verb.footer(
      "Example: sphereface identify --checkpoint runs/casia/checkpoints/step-00028000 --models "
      "mtcnn\n    --gallery people --input party.mp4 --output named.mp4 --threshold 0.4 --json "
      "named.json");
  verb.action([options] { run(*options); });
}

}  // namespace sphereface
