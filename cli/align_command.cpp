// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <cstdio>
#include <memory>

#include "base/json.h"
#include "base/parallel.h"
#include "base/printable.h"
#include "base/progress.h"
#include "cli/commands.h"
#include "data/align/align_folder.h"

namespace sphereface {
namespace {

struct Options {
  AlignSettings align;
  std::string face = "central";
  std::string format = "jpg";
  std::string json;
};

constexpr size_t kFailuresShown = 10;

void run(Options& options) {
  options.align.choice = options.face == "largest" ? FaceChoice::kLargest : FaceChoice::kCentral;
  options.align.format = options.format == "png" ? CropFormat::kPng : CropFormat::kJpeg;
  const AlignReport report = alignFolder(options.align);
  std::printf("images        %zu\n", report.images);
  std::printf("aligned       %zu\n", report.aligned);
  std::printf("already done  %zu\n", report.already_done);
  std::printf("no face       %zu\n", report.no_face);
  std::printf("unreadable    %zu\n", report.unreadable);
  if (!report.passed_over.empty()) {
    std::printf("passed over   %s\n", printableLine(report.passed_over.text()).c_str());
  }
  std::printf("coverage      %.3f %%\n", 100 * report.coverage());
  std::printf("time          %s, %.1f images/s, %.1f per core\n",
              formatDuration(report.seconds).c_str(), report.imagesPerSecond(),
              report.imagesPerCpuSecond());
  for (size_t i = 0; i < report.failures.size() && i < kFailuresShown; ++i) {
    std::printf("  %s: %s\n", printableLine(report.failures[i].path.string()).c_str(),
                printable(report.failures[i].reason).c_str());
  }
  if (report.failures.size() > kFailuresShown) {
    std::printf("  ... and %zu more in %s\n", report.failures.size() - kFailuresShown,
                (options.align.output / "align_report.json").c_str());
  }
  if (options.json.empty()) return;
  Json json = report.toJson();
  json["threads"] = options.align.threads;
  writeJsonFile(options.json, json);
}

}  // namespace

void addAlignCommand(const Command& app) {
  auto options = std::make_shared<Options>();
  AlignSettings& align = options->align;
  align.threads = availableThreads();
  const Command verb =
      app.verb("align", "Find the face in every photograph of a folder and warp it to 112x96");
  verb.required("--input", &align.input, "Folder of photographs, searched with its subfolders");
  verb.required("--output", &align.output,
                "Folder for the faces, of the same structure; an interrupted run goes on here");
  verb.required("--models", &align.models,
                "Folder with MTCNN's {p,r,o}net.onnx (scripts/get_detector.sh fetches them) or "
                "det{1,2,3}.caffemodel");
  verb.setting("--min-face", {&align.min_face, "[12, 100000]"},
               "Side of the smallest face looked for, pixels");
  verb.setting("--face", &options->face, "Of several faces: the most central, or the largest")
      .oneOf({"central", "largest"});
  verb.setting("--format", &options->format, "Of the faces; png is lossless").oneOf({"jpg", "png"});
  verb.setting("--quality", {&align.jpeg_quality, "[1, 100]"}, "JPEG quality");
  verb.setting("--threads", {&align.threads, "[1, 4096]"}, "Photographs worked on at a time");
  verb.option("--json", &options->json, "Write the result to this file");
  verb.footer(
      "Example: sphereface align --input photos --output faces --models mtcnn\n"
      "Photographs without a face are listed in OUTPUT/align_report.json, the five points of all\n"
      "others are in OUTPUT/landmarks.tsv.");
  verb.action([options] { run(*options); });
}

}  // namespace sphereface
