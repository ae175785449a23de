// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

// A record of Caffe's LMDB, as input of pack.

#include "data/import/pack_input.h"
#include "data/lmdb_file.h"
#include "data/pack_encoding.h"
#include "proto/caffe.pb.h"
#include "tests/fuzz/fuzz.h"

namespace sphereface::fuzz {

std::vector<std::string> seeds() {
  caffe::Datum encoded;
  encoded.set_encoded(true);
  encoded.set_label(3);
  encoded.set_data(smallPicture(1));
  caffe::Datum planar;
  planar.set_channels(3);
  planar.set_height(2);
  planar.set_width(2);
  planar.set_data("123456789abc");
  caffe::Datum floats;
  floats.add_float_data(1);
  return {encoded.SerializeAsString(), planar.SerializeAsString(), floats.SerializeAsString()};
}

void fuzzOne(std::string_view bytes) {
  std::filesystem::remove(folder() / "data.mdb");
  {
    LmdbWriter writer(folder());
    writer.put("00000000_x", std::string(bytes));
    writer.commit();
  }
  const PackInput input = openCaffeLmdb(folder());
  encodeForPack(input.load(0), input.size, {}, input.place(0));
}

}  // namespace sphereface::fuzz
