// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Runs the commands of README.md and docs/ as they stand there, in a folder where the files they
// speak of are, so that they can't rot. `train` makes fewer steps of fewer images there, and
// `dashboard`, which serves until it is stopped, is stopped after a moment; all else is as it is.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <opencv2/core.hpp>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/image_file.h"
#include "base/json.h"
#include "base/temporary_folder.h"
#include "identify/video_file.h"
#include "tests/support/process.h"
#include "tests/support/shared_data.h"

namespace sphereface::testing {
namespace {

namespace fs = std::filesystem;

/// An indented block of a document, as a shell reads it.
struct Block {
  std::string place;  // file and line
  std::string text;
};

/// Blocks that begin with one of these are commands; others are pictures, formulas, output.
constexpr std::array kPrograms = {"sphereface ", "scripts/", "build/bin/", "mpirun ",  "export ",
                                  "cp ",         "mkdir ",   "find ",      "python3 ", "cat ",
                                  "cmake ",      "cpack ",   "curl ",      "ctest "};

/// First lines of blocks that aren't run here, and why.
const std::map<std::string, std::string> kNotRun = {
    {"scripts/quickstart.sh", "builds anew"},
    {"scripts/test.sh", "runs this test"},
    {"scripts/get_detector.sh mtcnn",
     "by GetDetector.*; scripts/test.sh fetches what is used here"},
    {"scripts/reproduce.sh --casia casia --lfw lfw --pairs pairs.txt --models mtcnn --out "
     "reproduced \\",
     "by Reproduce.*"},
    {"sphereface train --config C --hosts node1:8,node2:8", "by Hosts.*"},
    {"mpirun -np 1 sphereface-coordinator --config C : -np N sphereface-worker", "N is a number"},
    {"cp scripts/slurm/site.sh my-site.sh       # and fill it in", "by Slurm.*"},
    {"sphereface train --config C --workers 8 --device cuda --set worker.precision=BF16",
     "needs a card"},
    {"scripts/gpu/acceptance.sh OUT", "needs a card"},
    {"sphereface convert --from A --to B", "A and B are any"},
    {"sphereface convert --from CHECKPOINT --to model.onnx [--mirror sum] [--l2-normalize]",
     "by OnnxExport.*"},
    {"sphereface convert --solver sphereface_solver.prototxt --gpus 2 --lmdb casia.lmdb --to "
     "casia.textproto",
     "by CaffeSolver.*"},
    {"sphereface train --config configs/quickstart.textproto --workers 2 --run watched \\",
     "measures for minutes"},
    {"mkdir -p targets && ln -s $PWD/runs/NAME/prometheus_targets.json targets/NAME.json",
     "by Prometheus.*"},
    {"python3 -m venv .venv && .venv/bin/pip install torch", "downloads, and measures for minutes"},
};

/// The command that documents call `sphereface`, behind its first two lines.
constexpr const char* kShorterRuns = R"sh(
case $1 in
  train)
    "$real" "$@" --set solver.steps=2 --set solver.batch_size=8 --set solver.base_learning_rate=0.001 || exit
    for run in runs/*/; do
      last=$(basename "$(ls -d "$run"checkpoints/step-0000000* | tail -1)")
      for name in step-00028000 step-00005840; do
        ln -sfn "$last" "$run/checkpoints/$name"
      done
    done ;;
  dashboard) timeout 2 "$real" "$@"; [ $? -eq 124 ] ;;
  *) exec "$real" "$@" ;;
esac
)sh";

bool isCommand(std::string_view line) {
  return std::ranges::any_of(kPrograms,
                             [&](const char* program) { return line.starts_with(program); });
}

std::vector<Block> blocksOf(const fs::path& document) {
  std::istringstream text(readFile(document));
  std::vector<Block> blocks;
  std::string line;
  bool inside = false;
  for (int number = 1; std::getline(text, line); ++number) {
    const bool indented = line.starts_with("    ");
    if (indented && !inside) {
      blocks.push_back({concat(document.filename().string(), ":", number), ""});
    }
    if (indented) blocks.back().text += line.substr(4) + "\n";
    inside = indented;
  }
  std::erase_if(blocks, [](const Block& block) { return !isCommand(block.text); });
  return blocks;
}

/// The folder that the documents speak of.
class Documents : public ::testing::Test {
 protected:
  void makeWorld() {
    fs::create_directories(folder_ / "bin");
    fs::create_directory_symlink(fs::path(SPHEREFACE_SOURCE) / "configs", folder_ / "configs");
    fs::create_directory_symlink(fs::path(SPHEREFACE_SOURCE) / "scripts", folder_ / "scripts");
    const char* detector = std::getenv("SPHEREFACE_DETECTOR");
    fs::create_directory_symlink(detector != nullptr ? fs::path(detector) : sharedData("mtcnn"),
                                 folder_ / "mtcnn");
    // Shorter runs, whose last checkpoint has the names that longer ones' have.
    writeFileAtomically(folder_ / "bin/sphereface",
                        concat("#!/bin/bash\nreal=", program("sphereface"), kShorterRuns));
    fs::permissions(folder_ / "bin/sphereface", fs::perms::owner_all);
    makePhotographs();
    makeVideo();
    writeFileAtomically(folder_ / "C",
                        "name: \"NAME\" data { lmdb: \"casia-112x96.lmdb\" } "
                        "network { name: \"sphereface-4\" embedding: 32 } "
                        "solver { steps: 2 batch_size: 8 }");
  }

  /// casia, celeba299 and FACES: a few people of the one; lfw, pairs.txt and people: of LFW.
  void makePhotographs() {
    const auto take = [&](const fs::path& from, const std::string& to, size_t people,
                          size_t photos) {
      size_t taken = 0;
      for (const fs::path& person : sorted(from)) {
        const std::vector<fs::path> images = sorted(person);
        if (images.size() < photos) continue;
        for (size_t i = 0; i < photos; ++i) {
          const fs::path target = folder_ / to / person.filename() / images[i].filename();
          fs::create_directories(target.parent_path());
          fs::copy_file(images[i], target);
        }
        if (++taken == people) return;
      }
    };
    take(sharedData("celeba299"), "casia", 6, 4);
    take(sharedData("celeba299"), "celeba299", 6, 4);
    take(sharedData("lfw"), "lfw", 10, 5);
    take(sharedData("lfw"), "people", 3, 5);
    std::string pairs = "2\t5\n";
    const std::vector<fs::path> people = sorted(folder_ / "lfw");
    for (size_t fold = 0; fold < 2; ++fold) {
      const auto person = [&](size_t i) { return people[5 * fold + i % 5]; };
      const auto name = [&](size_t i) { return person(i).filename().string(); };
      // "0003" of "First_Last_0003.jpg"
      const auto number = [&](size_t i, size_t photo) {
        const std::string stem = sorted(person(i))[photo].stem().string();
        return std::stoi(stem.substr(stem.rfind('_') + 1));
      };
      for (size_t i = 0; i < 5; ++i)
        pairs += concat(name(i), "\t", number(i, 0), "\t", number(i, 1), "\n");
      for (size_t i = 0; i < 5; ++i)
        pairs +=
            concat(name(i), "\t", number(i, 0), "\t", name(i + 1), "\t", number(i + 1, 0), "\n");
    }
    writeFileAtomically(folder_ / "pairs.txt", pairs);
  }

  static std::vector<fs::path> sorted(const fs::path& folder) {
    std::vector<fs::path> entries;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder))
      entries.push_back(entry.path());
    std::ranges::sort(entries);
    return entries;
  }

  void makeVideo() {
    const fs::path face = sorted(sorted(folder_ / "people")[0])[0];
    const cv::Mat image = decodeImage(readFile(face), face.string());
    VideoWriter writer(folder_ / "party.mp4", 10, image.size());
    for (int i = 0; i < 10; ++i)
      writer.write(image);
    writer.commit();
  }

  /// What MegaFace's own lists would be, of the faces at hand.
  void makeMegaface() {
    const auto list = [&](const std::string& name, const std::string& images, bool ids) {
      Json json;
      for (const fs::path& person : sorted(folder_ / images)) {
        if (!fs::is_directory(person)) continue;  // a report
        for (const fs::path& image : sorted(person)) {
          json["path"].push_back((person.filename() / image.filename()).string());
          if (ids) json["id"].push_back(person.filename().string());
        }
      }
      writeJsonFile(folder_ / name, json);
      return json;
    };
    const Json probes = list("facescrub_features_list.json", "casia-aligned", true);
    Json distractors;
    for (const char* set : {"1", "2", "3"}) {
      distractors = list(concat("megaface_features_list.json_1000000_", set), "lfw-aligned", false);
    }
    const std::string probe = probes.at("path").back().text();
    writeFileAtomically(folder_ / "facescrub_noises.txt",
                        fs::path(probe).filename().string() + "\n");
    writeFileAtomically(folder_ / "megaface_noises.txt",
                        distractors.at("path").back().get<std::string>() + "\n");
    for (const char* of : {"facescrub.sff casia-aligned", "megaface.sff lfw-aligned"}) {
      const std::string text = of;
      const size_t space = text.find(' ');
      run({"extract to " + text.substr(0, space),
           concat("sphereface extract --checkpoint runs/faces/checkpoints/step-00005840 --input ",
                  text.substr(space + 1), " --output ", text.substr(0, space), "\n")});
    }
  }

  /// A model as SphereFace's authors published theirs.
  void makeCaffeModel() {
    fs::create_directory_symlink("sphereface20-casia", folder_ / "runs/casia");
    run({"a Caffe model",
         "sphereface convert --from runs/casia/checkpoints/step-00028000 --to "
         "sphereface_model.caffemodel\n"});
  }

  void run(const Block& block) {
    const std::string script = concat(
        "set -e\ncd ", folder_.path().string(),
        "\nexport PATH=$PWD/bin:", fs::path(program("sphereface")).parent_path().string(),
        ":$PATH OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 "
        "OMPI_MCA_rmaps_base_oversubscribe=1 PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe "
        "OMPI_MCA_pmdl=^ompi PMIX_MCA_pmdl=^ompi\n",
        block.text);
    const Finished finished = runCommand({"bash", "-c", script}, 240);
    EXPECT_EQ(finished.code, 0) << block.place << "\n" << block.text << finished.output;
  }

  void runAll(const std::string& document) {
    looked_at_.insert(document);
    for (const Block& block : blocksOf(fs::path(SPHEREFACE_SOURCE) / document)) {
      const std::string first = block.text.substr(0, block.text.find('\n'));
      if (kNotRun.contains(first)) {
        not_run_.insert(first);
      } else {
        run(block);
      }
    }
  }

  void expectNothingLeftOut() const {
    EXPECT_EQ(not_run_.size(), kNotRun.size()) << "some that aren't run are no longer there";
    for (const fs::path& document : sorted(fs::path(SPHEREFACE_SOURCE) / "docs")) {
      if (document.extension() != ".md") continue;
      EXPECT_TRUE(looked_at_.contains(concat("docs/", document.filename().string()))) << document;
    }
  }

  const TemporaryFolder folder_;
  std::set<std::string> looked_at_;
  std::set<std::string> not_run_;
};

TEST_F(Documents, TheirCommandsRun) {
  SPHEREFACE_NEEDS(sharedData("lfw"));
  SPHEREFACE_NEEDS(sharedData("celeba299"));
  if (std::getenv("SPHEREFACE_DETECTOR") == nullptr) SPHEREFACE_NEEDS(sharedData("mtcnn"));
  makeWorld();
  // In an order in which each has what it needs of those before.
  runAll("docs/results.md");
  runAll("README.md");
  makeMegaface();
  makeCaffeModel();
  fs::copy(folder_ / "casia-aligned", folder_ / "FACES", fs::copy_options::recursive);
  fs::create_directory_symlink("NAME", folder_ / "runs/A");
  fs::create_directory_symlink("faces", folder_ / "runs/B");
  for (const char* document :
       {"docs/identify.md", "docs/evaluation.md", "docs/formats.md", "docs/models.md",
        "docs/scaling.md", "docs/slurm.md", "docs/architecture.md", "docs/configuration.md",
        "docs/conditions.md"}) {
    runAll(document);
  }
  fs::remove_all(folder_ / "runs/NAME");
  fs::remove(folder_ / "runs/A");
  fs::create_directory_symlink("NAME", folder_ / "runs/A");
  runAll("docs/monitoring.md");
  expectNothingLeftOut();
}

}  // namespace
}  // namespace sphereface::testing
