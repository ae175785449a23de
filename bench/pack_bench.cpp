// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Images a second of `sphereface pack`, beside Caffe's convert_imageset --encoded --check_size
// written out: one thread, for each line of a list read the file, decode it, make a Datum of its
// bytes and put it, a transaction for each 1000 puts. Synthetic faces as JPEG files in a temporary
// folder. Both end with the data on the disk (fsync), so that neither borrows from the page cache.
// "copy" writes as many bytes to one file and fsyncs them: the floor in bytes written. The cases
// take turns; "least" and "most" are of single turns.
//
//   build/bin/pack_bench --identities 200 --turns 7

#include <lmdb.h>

#include <cstdio>
#include <filesystem>
#include <functional>
#include <opencv2/imgcodecs.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/image_file.h"
#include "base/image_folder.h"
#include "base/progress.h"
#include "base/random.h"
#include "base/temporary_folder.h"
#include "bench/harness.h"
#include "data/align/alignment_template.h"
#include "data/pack.h"
#include "data/synth/synth.h"
#include "proto/caffe.pb.h"

namespace {

using namespace sphereface;
namespace fs = std::filesystem;

struct Line {
  fs::path file;
  std::string name;
  int label = 0;
};

void check(int status) {
  if (status != MDB_SUCCESS) throw Error(mdb_strerror(status));
}

/// Shuffled, as convert_imageset --shuffle does before it begins.
std::vector<Line> shuffledList(const fs::path& faces) {
  std::vector<Line> lines;
  for (const fs::path& image : listImages(faces).images) {
    const std::string name = image.string();
    lines.push_back({faces / image, name, std::atoi(name.c_str())});
  }
  Random random(1);
  shuffle(lines, random);
  return lines;
}

void convertImageset(const std::vector<Line>& lines, const fs::path& output) {
  fs::create_directories(output);
  MDB_env* env = nullptr;
  check(mdb_env_create(&env));
  check(mdb_env_set_mapsize(env, size_t{1} << 40));
  check(mdb_env_open(env, output.c_str(), 0, 0664));
  MDB_txn* transaction = nullptr;
  MDB_dbi database = 0;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i % 1000 == 0) {
      if (transaction != nullptr) check(mdb_txn_commit(transaction));
      check(mdb_txn_begin(env, nullptr, 0, &transaction));
      check(mdb_dbi_open(transaction, nullptr, 0, &database));
    }
    std::string bytes = readFile(lines[i].file);
    const cv::Mat raw(1, static_cast<int>(bytes.size()), CV_8UC1, bytes.data());
    const cv::Mat image = cv::imdecode(raw, cv::IMREAD_COLOR);
    if (image.rows != kAlignedHeight || image.cols != kAlignedWidth) throw Error("wrong size");
    caffe::Datum datum;
    datum.set_data(std::move(bytes));
    datum.set_label(lines[i].label);
    datum.set_encoded(true);
    char number[24];
    std::snprintf(number, sizeof number, "%08zu_", i);
    std::string key = number + lines[i].name;
    std::string value = datum.SerializeAsString();
    MDB_val key_bytes{key.size(), key.data()};
    MDB_val value_bytes{value.size(), value.data()};
    check(mdb_put(transaction, database, &key_bytes, &value_bytes, 0));
  }
  check(mdb_txn_commit(transaction));
  mdb_env_close(env);
}

void pack(const std::string& encoding, size_t threads, const fs::path& faces,
          const fs::path& output) {
  PackOptions options;
  options.input = faces;
  options.output = output;
  options.encoding = parseEncoding(encoding);
  options.threads = threads;
  packDataset(options);
}

void measure(bench::Bench& bench) {
  SynthOptions synth;
  synth.identities = bench.option("--identities", size_t{200});
  synth.images_per_identity = bench.option("--images-per-identity", size_t{25});
  const int turns = bench.option("--turns", 7);
  bench.start();
  cv::setNumThreads(1);
  Progress::silence();

  const TemporaryFolder folder;
  const fs::path faces = folder / "faces";
  synth.out = faces;
  writeSyntheticFaces(synth);
  const std::vector<Line> lines = shuffledList(faces);
  uint64_t bytes = 0;
  for (const Line& line : lines)
    bytes += fs::file_size(line.file);

  const fs::path output = folder / "output";
  const auto packing = [&](const std::function<void()>& action) {
    const double seconds = bench::secondsOf(action);
    fs::remove_all(output);
    return seconds;
  };
  const auto copy = [&] {
    fs::create_directories(output);
    AtomicFile file(output / "copy");
    for (const Line& line : lines)
      file.write(readFile(line.file));
    file.commit();
  };
  std::vector<bench::Contender> cases = {
      {"convert_imageset, one thread",
       [&] { return packing([&] { convertImageset(lines, output); }); }},
      {"copy", [&] { return packing(copy); }}};
  for (const size_t threads : {size_t{1}, size_t{2}}) {
    for (const char* encoding : {"keep", "jpeg:95", "raw"}) {
      cases.push_back(
          {concat("sphereface pack, ", encoding, ", threads ", threads), [&, encoding, threads] {
             return packing([&] { pack(encoding, threads, faces, output); });
           }});
    }
  }
  bench::takeTurns(cases, {.rounds = turns});

  const auto images = static_cast<double>(lines.size());
  bench.fact({"images", images});
  bench.fact({"bytes", bytes});
  for (const bench::Contender& one : cases) {
    bench.row("cases", {{"case", one.name, 36},
                        {"images/s", images / one.median()},
                        {"least", images / one.longest()},
                        {"most", images / one.shortest()},
                        {"x convert_imageset", one.timesAsFastAs(cases[0]), 2}});
  }
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run(argc, argv, measure);
}
