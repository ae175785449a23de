// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Images a second of `sphereface pack`, beside Caffe's convert_imageset --encoded --check_size
// written out: one thread, for each line of a list read the file, decode it, make a Datum of its
// bytes and put it, a transaction for each 1000 puts. Synthetic faces as JPEG files in a temporary
// folder; the cases take turns, and ratios are taken turn by turn. Both end with the data on the
// disk (fsync), so that neither borrows from the page cache. "copy" writes as many bytes to one
// file and fsyncs them: the floor in bytes written.

#include <lmdb.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <opencv2/imgcodecs.hpp>
#include <string>
#include <vector>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/image_file.h"
#include "base/json.h"
#include "base/progress.h"
#include "base/random.h"
#include "base/temporary_folder.h"
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

struct Case {
  std::string name;
  std::function<void(const fs::path&)> run;
  std::vector<double> seconds;
};

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<ptrdiff_t>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

void check(int status) {
  if (status != MDB_SUCCESS) throw Error(mdb_strerror(status));
}

/// Shuffled, as convert_imageset --shuffle does before it begins.
std::vector<Line> shuffledList(const fs::path& faces) {
  std::vector<Line> lines;
  for (const fs::path& image : listImages(faces)) {
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

Case packCase(const std::string& encoding, size_t threads, const fs::path& faces) {
  return {concat("sphereface pack, ", encoding, ", threads ", threads),
          [encoding, threads, faces](const fs::path& output) {
            PackOptions options;
            options.input = faces;
            options.output = output;
            options.encoding = parseEncoding(encoding);
            options.threads = threads;
            packDataset(options);
          },
          {}};
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Images a second of packing, on synthetic faces.", "pack_bench");
  size_t identities = 200;
  size_t images_each = 25;
  int turns = 7;
  std::string json_file;
  app.add_option("--identities", identities)->capture_default_str();
  app.add_option("--images-per-identity", images_each)->capture_default_str();
  app.add_option("--turns", turns, "Runs of each case")->capture_default_str();
  app.add_option("--json", json_file, "Write the results to this file");
  CLI11_PARSE(app, argc, argv);
  cv::setNumThreads(1);
  Progress::silence();

  const TemporaryFolder folder;
  const fs::path faces = folder / "faces";
  SynthOptions synth;
  synth.out = faces;
  synth.identities = identities;
  synth.images_per_identity = images_each;
  writeSyntheticFaces(synth);
  const std::vector<Line> lines = shuffledList(faces);
  uint64_t bytes = 0;
  for (const Line& line : lines)
    bytes += fs::file_size(line.file);

  std::vector<Case> cases;
  cases.push_back({"convert_imageset, one thread",
                   [&](const fs::path& output) { convertImageset(lines, output); },
                   {}});
  cases.push_back({"copy",
                   [&](const fs::path& output) {
                     fs::create_directories(output);
                     AtomicFile file(output / "copy");
                     for (const Line& line : lines)
                       file.write(readFile(line.file));
                     file.commit();
                   },
                   {}});
  for (const size_t threads : {size_t{1}, size_t{2}}) {
    for (const char* encoding : {"keep", "jpeg:95", "raw"})
      cases.push_back(packCase(encoding, threads, faces));
  }

  // The first turn fills caches and isn't counted.
  for (int turn = -1; turn < turns; ++turn) {
    for (Case& one : cases) {
      const fs::path output = folder / "output";
      const auto start = std::chrono::steady_clock::now();
      one.run(output);
      const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
      if (turn >= 0) one.seconds.push_back(elapsed.count());
      fs::remove_all(output);
    }
  }

  std::printf("%zu images of %llu bytes; medians of %d turns\n", lines.size(),
              static_cast<unsigned long long>(bytes / lines.size()), turns);
  std::printf("%-40s %10s %18s\n", "", "images/s", "x convert_imageset");
  Json results = Json::array();
  for (const Case& one : cases) {
    std::vector<double> ratios;
    for (size_t turn = 0; turn < one.seconds.size(); ++turn)
      ratios.push_back(cases[0].seconds[turn] / one.seconds[turn]);
    const double rate = static_cast<double>(lines.size()) / median(one.seconds);
    std::printf("%-40s %10.0f %18.2f\n", one.name.c_str(), rate, median(ratios));
    results.push_back({{"case", one.name},
                       {"images_per_second", rate},
                       {"ratio_to_convert_imageset", median(ratios)}});
  }
  if (!json_file.empty()) {
    writeJsonFile(
        json_file,
        {{"images", lines.size()}, {"bytes", bytes}, {"turns", turns}, {"cases", results}});
  }
  return 0;
}
