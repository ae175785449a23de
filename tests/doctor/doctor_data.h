// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Data sets with faults of a test's own choosing: painted faces, written as they are given.

#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <opencv2/core.hpp>
#include <string>
#include <vector>

#include "base/atomic_file.h"
#include "base/image_file.h"
#include "base/random.h"
#include "data/align/alignment_template.h"
#include "data/lmdb_file.h"
#include "data/synth/render.h"
#include "proto/caffe.pb.h"
#include "proto/manifest.pb.h"
#include "proto/text_format.h"

namespace sphereface::testing {

struct FaceRecord {
  int label = 0;
  cv::Mat image;
};

/// Image `image` of identity `identity`, 112x96 BGR.
inline cv::Mat paintedFace(uint64_t identity, uint64_t image) {
  NuisanceStrengths strengths;
  strengths.grey_probability = 0;
  return renderFace(drawIdentity(1, identity), drawVariation(1, identity, image, strengths));
}

/// In shuffled order.
inline std::vector<FaceRecord> paintedFaces(int identities, int images) {
  std::vector<FaceRecord> records;
  for (int identity = 0; identity < identities; ++identity) {
    for (int image = 0; image < images; ++image) {
      records.push_back(
          {identity, paintedFace(static_cast<uint64_t>(identity), static_cast<uint64_t>(image))});
    }
  }
  Random random(1);
  shuffle(records, random);
  return records;
}

/// A manifest that fits the records, identities called "person 0", "person 1", ...
inline DatasetManifest manifestOf(const std::vector<FaceRecord>& records, int classes) {
  DatasetManifest manifest;
  manifest.set_records(records.size());
  manifest.set_classes(static_cast<uint32_t>(classes));
  manifest.set_channels(3);
  manifest.set_height(kAlignedHeight);
  manifest.set_width(kAlignedWidth);
  manifest.set_alignment_template(kAlignmentTemplate);
  manifest.set_sha256("made by a test");
  for (int label = 0; label < classes; ++label) {
    DatasetManifest::Identity* identity = manifest.add_identity();
    identity->set_name("person " + std::to_string(label));
    identity->set_images(0);
  }
  for (const FaceRecord& record : records) {
    const bool known = record.label >= 0 && record.label < classes;
    DatasetManifest::Identity* identity = manifest.mutable_identity(known ? record.label : 0);
    identity->set_images(identity->images() + 1);
  }
  return manifest;
}

/// Writes the records as PNG; one whose image is empty gets bytes that are no image.
inline void writeDataset(const std::filesystem::path& folder,
                         const std::vector<FaceRecord>& records, const DatasetManifest& manifest) {
  std::filesystem::create_directories(folder);
  LmdbWriter writer(folder);
  for (size_t i = 0; i < records.size(); ++i) {
    caffe::Datum datum;
    datum.set_encoded(true);
    datum.set_label(records[i].label);
    datum.set_data(records[i].image.empty() ? "no image" : encodePng(records[i].image));
    char key[32];
    std::snprintf(key, sizeof key, "%08zu_%d.png", i, records[i].label);
    writer.put(key, datum.SerializeAsString());
  }
  writer.commit();
  writeFileAtomically(folder / "manifest.textproto", printText(manifest));
}

}  // namespace sphereface::testing
