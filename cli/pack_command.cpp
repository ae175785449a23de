// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>

#include "base/error.h"
#include "base/json.h"
#include "base/printable.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "data/align/alignment_template.h"
#include "data/pack.h"

namespace sphereface {
namespace {

/// Left-out images and copies named on the terminal; --json has all.
constexpr size_t kShown = 20;

struct Options {
  PackOptions pack;
  std::string size;
  std::string encoding = "keep";
  std::string json;
};

void parseSize(const std::string& text, PackOptions& options) {
  if (text.empty()) return;
  int length = 0;
  if (std::sscanf(text.c_str(), "%dx%d%n", &options.height, &options.width, &length) != 2 ||
      static_cast<size_t>(length) != text.size() || options.height < 1 || options.width < 1) {
    throw UsageError(concat("--size ", text, ": expected HEIGHTxWIDTH, such as 112x96"));
  }
}

void print(const std::string& what, const std::vector<std::string>& lines) {
  for (size_t i = 0; i < std::min(lines.size(), kShown); ++i)
    std::cout << "left out: " << printableLine(lines[i]) << what << "\n";
  if (lines.size() > kShown) {
    std::cout << "left out: " << lines.size() - kShown << " more" << what
              << " (--json lists all)\n";
  }
}

void print(const PackResult& result, const std::filesystem::path& output) {
  const DatasetManifest& manifest = result.manifest;
  const LeftOut& left_out = result.left_out;
  for (const std::string& note : result.notes)
    std::cout << "note: " << printable(note) << "\n";
  if (result.resumed > 0) {
    std::cout << "went on after the " << result.resumed
              << " images that an earlier packing had written\n";
  }
  std::cout << manifest.records() << " images of " << manifest.classes() << " identities in "
            << printableLine(output.string()) << " (" << result.bytes << " bytes)\n"
            << "SHA-256 of the records: " << manifest.sha256() << "\n";
  if (left_out.excluded > 0) std::cout << "left out: " << left_out.excluded << " images by name\n";
  if (left_out.beyond_most > 0) {
    std::cout << "left out: " << left_out.beyond_most << " images beyond --max-images\n";
  }
  print("", left_out.bad);
  print(", a copy of another", left_out.repeated);
  print(", an identity with too few images", left_out.identities);
  const RepeatedImages& repeated = result.repeated;
  if (!repeated.within.empty() || !repeated.across.empty()) {
    std::cout << "copies: " << repeated.within.size() << " images are another of their identity, "
              << repeated.across.size()
              << " stand under several identities (--drop-duplicates leaves them out)\n";
  }
  if (result.grey > 0) std::cout << "grey: " << result.grey << " images have no colour\n";
  if (result.turned > 0) {
    std::cout << "turned: " << result.turned
              << " images have an Exif orientation, which is left undone: faces are packed as they "
                 "are stored\n";
  }
  if (!result.passed_over.empty()) {
    std::cout << "passed over, as no images: " << printableLine(result.passed_over.text()) << "\n";
  }
}

void run(Options options) {
  PackOptions& pack = options.pack;
  parseSize(options.size, pack);
  pack.encoding = parseEncoding(options.encoding);
  const auto start = std::chrono::steady_clock::now();
  const PackResult result = packDataset(pack);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  print(result, pack.output);
  if (options.json.empty()) return;
  const DatasetManifest& manifest = result.manifest;
  Json json;
  json["output"] = pack.output.string();
  json["records"] = manifest.records();
  json["classes"] = manifest.classes();
  json["bytes"] = result.bytes;
  json["sha256"] = manifest.sha256();
  json["skipped"] = result.left_out.bad;
  json["dropped_copies"] = result.left_out.repeated;
  json["left_out_identities"] = result.left_out.identities;
  json["excluded"] = result.left_out.excluded;
  json["beyond_max_images"] = result.left_out.beyond_most;
  json["copies_within_identities"] = result.repeated.within;
  json["copies_across_identities"] = result.repeated.across;
  json["grey"] = result.grey;
  json["exif_turned"] = result.turned;
  json["passed_over"] = result.passed_over.toJson();
  json["resumed"] = result.resumed;
  json["notes"] = result.notes;
  json["seconds"] = seconds.count();
  json["images_per_second"] =
      static_cast<double>(manifest.records() - result.resumed) / seconds.count();
  writeJsonFile(options.json, json);
}

void addSelection(const Command& verb, PackSelection& selection) {
  verb.option("--exclude", &selection.exclude,
              "File of names to leave out, one a line: identities, or images as in the records' "
              "keys (0000045/001.jpg), with or without suffix")
      .existingFile();
  verb.flag("--exclude-lfw-overlap", &selection.exclude_lfw_overlap,
            "Leave out the three identities of CASIA-WebFace that LFW has too (0166921, 1056413, "
            "1193098)");
  verb.flag("--subfolders", &selection.subfolders,
            "Take identities whose images all lie in subfolders of theirs; without it they are an "
            "error, as of a folder one level too high");
  verb.flag("--skip-bad", &selection.skip_bad,
            "Leave out images that can't be used, and list them");
  verb.flag("--drop-duplicates", &selection.drop_repeated,
            "Leave out images that are equal byte for byte: of one identity all but the first, of "
            "several identities all");
  verb.setting("--min-images", {&selection.min_images, "[1, 1000000000]"},
               "Leave out identities with fewer images");
  verb.setting("--max-images", {&selection.max_images, "[0, 1000000000]"},
               "Keep so many images of each identity, chosen by --seed; 0: all");
  verb.flag("--renumber", &selection.renumber,
            "Close gaps in the labels of a list, a .rec or an LMDB, in their order; without it "
            "gaps are an error. Folders' labels are ranks, and close up by themselves");
}

}  // namespace

void addPackCommand(const Command& app) {
  auto options = std::make_shared<Options>();
  PackOptions& pack = options->pack;
  const Command verb = app.verb("pack", "Packs aligned faces into an LMDB data set");
  verb.required("--input", &pack.input,
                "Folder, tar (also .gz, .bz2, .xz, .zst) or zip with one folder per identity; list "
                "of lines `path label`; MXNet's .rec, or a folder with train.rec; Caffe's LMDB");
  verb.required("--output", &pack.output, "Folder of the data set to make");
  verb.setting("--seed", {&pack.seed, kAnySeed}, "Seed of the order of the records");
  verb.flag("--shuffle,!--no-shuffle", &pack.shuffle,
            "Store the records in shuffled order (default) or as they come");
  verb.setting("--encoding", &options->encoding,
               "keep: the images' bytes (of JPEG, PNG and pixels; other files become PNG); jpeg:Q: "
               "JPEG of quality Q, 95 if left out; png; raw: pixels");
  verb.option("--size", &options->size,
              concat("HEIGHTxWIDTH that every image must have; default: ", kAlignedHeight, "x",
                     kAlignedWidth, ", of a .rec or LMDB that of its first image"));
  verb.option("--alignment", &pack.alignment,
              concat("Template the faces were aligned to; default: ", kAlignmentTemplate,
                     " for a folder that `align` or `synth` made, ", kInsightfaceTemplate,
                     " for a .rec of that size, an LMDB's own, else unknown"));
  addSelection(verb, pack.selection);
  verb.flag("--force", &pack.force, "Replace an existing data set");
  verb.setting("--threads", {&pack.threads, "[1, 4096]"}, "Threads that read and check images");
  verb.option("--json", &options->json, "Write the results to this file");
  verb.footer(
      "The same command again goes on where a killed one was.\n"
      "Example: sphereface pack --input aligned/ --output train.lmdb --seed 7\n"
      "         sphereface pack --input faces_emore/ --output ms1m.lmdb --min-images 10");
  verb.action([options] { run(*options); });
}

}  // namespace sphereface
