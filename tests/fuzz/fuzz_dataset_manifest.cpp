// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

// manifest.textproto beside a data set of two records.

#include <memory>

#include "data/dataset.h"
#include "data/lmdb_file.h"
#include "proto/caffe.pb.h"
#include "tests/fuzz/fuzz.h"

namespace sphereface::fuzz {

std::vector<std::string> seeds() {
  return {
      "format_version: 1 records: 2 classes: 2 channels: 3 height: 4 width: 5 color_order: BGR\n"
      "encoding: PNG alignment_template: \"x\" shuffle_seed: 1 sha256: \"00\"\n"
      "identity { name: \"a\" images: 1 } identity { name: \"b\" images: 1 } source: \"s\"\n"};
}

void fuzzOne(std::string_view bytes) {
  if (!std::filesystem::exists(folder() / "data.mdb")) {
    LmdbWriter writer(folder());
    for (const char* key : {"00000000_a", "00000001_b"}) {
      caffe::Datum datum;
      datum.set_encoded(true);
      datum.set_data(smallPicture(1));
      writer.put(key, datum.SerializeAsString());
    }
    writer.commit();
  }
  fileOf(bytes, "manifest.textproto");
  const Dataset dataset(folder());
  dataset.read(0);
  dataset.read(dataset.size() - 1);
  dataset.verify();
}

}  // namespace sphereface::fuzz
