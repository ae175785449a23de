// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Aligns the faces of a folder of photographs into a folder of the same structure, and can go on
// where an earlier run was stopped.
//
//   OUTPUT/a/b.jpg             112x96 face of INPUT/a/b.*, one per photograph
//   OUTPUT/landmarks.tsv       one line per face: path, box, score, five points (0-based pixels)
//   OUTPUT/align_report.json   totals, and every photograph without a face, by name and reason
//
// landmarks.tsv is also the journal: a line is added once its face is in place, and a photograph
// counts as done when it has both. Its first line holds the settings.

#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "base/image_folder.h"
#include "base/json.h"
#include "data/align/face_alignment.h"

namespace sphereface {

enum class CropFormat { kJpeg, kPng };

struct AlignSettings {
  std::filesystem::path input;
  std::filesystem::path output;
  std::filesystem::path models;  // what loadMtcnn() reads
  int min_face = 20;             // pixels
  FaceChoice choice = FaceChoice::kCentral;
  CropFormat format = CropFormat::kJpeg;
  int jpeg_quality = 95;
  size_t threads = 1;
};

struct AlignReport {
  struct Failure {
    std::filesystem::path path;  // below input
    std::string reason;
  };
  size_t images = 0;
  size_t aligned = 0;       // in this run
  size_t already_done = 0;  // by earlier runs
  size_t no_face = 0;
  size_t unreadable = 0;
  PassedOver passed_over;  // what is no image
  double seconds = 0;
  double cpu_seconds = 0;         // of all threads
  std::vector<Failure> failures;  // no face or unreadable, in order of path

  /// Share of the photographs that have a face in the output.
  double coverage() const;
  /// Of this run, photographs without a face included.
  double imagesPerSecond() const;
  /// The same for one core: per second of processor time.
  double imagesPerCpuSecond() const;
  /// All numbers, without the failures.
  Json toJson() const;
};

/// ensures: a photograph that can't be read or shows no face is reported and does not end the run;
/// every file of the output is whole after a kill.
/// errors: Error when a folder or model is missing, the output was made with other settings, two
/// photographs would get the same name, the output can't be written, or no photograph at all could
/// be aligned (align_report.json then says why for each).
AlignReport alignFolder(const AlignSettings& settings);

}  // namespace sphereface
