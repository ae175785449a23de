// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// `sphereface identify` by its command line, on photographs of LFW. The network has random weights:
// it tells photographs apart, not people, so who is to be recognised is shown by the photograph
// that is in the gallery, moved and with noise.

#include <gtest/gtest.h>

#include <cmath>
#include <opencv2/imgproc.hpp>
#include <string>
#include <vector>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/image_file.h"
#include "base/image_folder.h"
#include "base/json.h"
#include "base/temporary_folder.h"
#include "data/align/mtcnn_networks.h"
#include "identify/face_finder.h"
#include "identify/video_file.h"
#include "tests/support/checkpoint_tools.h"
#include "tests/support/packing_test_tools.h"
#include "tests/support/process.h"
#include "tests/support/shared_data.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;
using testing::Finished;

constexpr int kScene = 12;        // frames
constexpr double kNoise = 4;      // standard deviation, grey levels
constexpr double kBoxError = 12;  // pixels; a face of LFW has some 100

struct Photograph {
  cv::Mat image;
  FoundFace found;
};

class Identify : public ::testing::Test {
 protected:
  /// The first photographs of LFW that show one face: anna's, berta's, carla's and a stranger's.
  /// The gallery has them as a folder, as a file and as an aligned face.
  void SetUp() override {
    SPHEREFACE_NEEDS(sharedData("mtcnn"));
    SPHEREFACE_NEEDS(sharedData("lfw"));
    testing::writeUntrainedCheckpoint(folder_ / "checkpoint");
    const MtcnnNetworks networks = loadMtcnn(sharedData("mtcnn"));
    for (const fs::path& path : listImages(sharedData("lfw")).images) {
      const cv::Mat image = readImage(sharedData("lfw") / path);
      const std::vector<FoundFace> found = findFaces(networks, image, 20);
      if (found.size() == 1) photographs_.push_back({image, found[0]});
      if (photographs_.size() == 4) break;
    }
    writeBytes(folder_ / "gallery/anna/deep/1.png", encodePng(photographs_[0].image));
    writeBytes(folder_ / "gallery/berta.png", encodePng(photographs_[1].image));
    writeBytes(folder_ / "gallery/carla/aligned.png", encodePng(photographs_[2].found.aligned));
  }

  /// Photographs `left` and `right` side by side, frame i moved to the left by i pixels.
  cv::Mat frame(size_t left, size_t right, int i) {
    cv::Mat image(280, 560, CV_8UC3, cv::Scalar(40, 50, 60));
    photographs_[left].image.copyTo(image(cv::Rect(kScene - i, 10, 250, 250)));
    photographs_[right].image.copyTo(image(cv::Rect(300 - i, 20, 250, 250)));
    cv::Mat noise(image.size(), CV_16SC3);
    noise_.fill(noise, cv::RNG::NORMAL, 0, kNoise);
    cv::add(image, noise, image, cv::noArray(), CV_8U);
    return image;
  }

  /// Anna and the stranger, then berta and carla.
  void writeVideo(const fs::path& path) {
    VideoWriter writer(path, 20, {560, 280});
    for (int i = 0; i < kScene; ++i)
      writer.write(frame(0, 3, i));
    for (int i = 0; i < kScene; ++i)
      writer.write(frame(1, 2, i));
    writer.commit();
  }

  std::vector<std::string> commandLine(const std::vector<std::string>& more) const {
    std::vector<std::string> line = {testing::program("sphereface"),
                                     "identify",
                                     "--checkpoint",
                                     folder_ / "checkpoint",
                                     "--models",
                                     sharedData("mtcnn"),
                                     "--gallery",
                                     folder_ / "gallery"};
    line.insert(line.end(), more.begin(), more.end());
    return line;
  }

  Finished identify(const std::string& input, const std::string& output,
                    const std::vector<std::string>& more = {"--threshold", "0.9"}) const {
    std::vector<std::string> line =
        commandLine({"--input", folder_ / input, "--output", folder_ / output, "--json",
                     folder_ / "result.json", "--report", folder_ / "result.html"});
    line.insert(line.end(), more.begin(), more.end());
    return testing::runCommand(line);
  }

  /// Exit code, words on stderr, and nothing was written.
  void expectFailure(const Finished& finished, int code, const std::string& words,
                     const std::string& output) const {
    EXPECT_EQ(finished.code, code) << finished.output;
    EXPECT_TRUE(contains(finished.output, words)) << finished.output;
    EXPECT_FALSE(fs::exists(folder_ / output));
    for (const fs::directory_entry& entry : fs::directory_iterator(folder_.path()))
      EXPECT_FALSE(contains(entry.path().filename().string(), "partial")) << entry.path();
    EXPECT_FALSE(fs::exists(folder_ / "result.json"));
  }

  /// The face of photograph `which`, whose upper left corner is at `x`, `y`.
  void expectFace(const Json& face, size_t which, const std::string& name, int x, int y) const {
    EXPECT_EQ(face["name"], name);
    const Face& expected = photographs_[which].found.face;
    const double box[] = {expected.x1 + x, expected.y1 + y, expected.x2 + x, expected.y2 + y};
    for (size_t k = 0; k < 4; ++k)
      EXPECT_NEAR(face["box"][k].get<double>(), box[k], kBoxError);
    for (size_t k = 0; k < 5; ++k) {
      EXPECT_NEAR(face["points"][k][0].get<double>(), expected.points[k].x + x, kBoxError);
      EXPECT_NEAR(face["points"][k][1].get<double>(), expected.points[k].y + y, kBoxError);
    }
  }

  const TemporaryFolder folder_;
  std::vector<Photograph> photographs_;
  cv::RNG noise_{7};
};

TEST_F(Identify, NamesTheFacesOfAVideo) {
  writeVideo(folder_ / "party.avi");
  const Finished finished = identify("party.avi", "named.avi");
  ASSERT_EQ(finished.code, 0) << finished.output;
  EXPECT_TRUE(contains(finished.output, "3 people, 3 photographs, 1 of them aligned already"));

  const Json result = readJsonFile(folder_ / "result.json");
  ASSERT_EQ(result["frames"].size(), 2U * kScene);
  EXPECT_EQ(result["tracks"].size(), 4U) << result["tracks"];
  for (int i = 0; i < 2 * kScene; ++i) {
    Json faces = result["frames"][static_cast<size_t>(i)]["faces"];
    ASSERT_EQ(faces.size(), 2U) << i;
    if (faces[0]["box"][0] > faces[1]["box"][0]) std::swap(faces[0], faces[1]);
    const bool is_first = i < kScene;
    const int shift = i % kScene;
    expectFace(faces[0], is_first ? 0 : 1, is_first ? "anna" : "berta", kScene - shift, 10);
    expectFace(faces[1], is_first ? 3 : 2, is_first ? "unknown" : "carla", 300 - shift, 20);
  }

  VideoReader reader(folder_ / "named.avi");
  EXPECT_EQ(reader.framesPerSecond(), 20);
  VideoReader original(folder_ / "party.avi");
  cv::Mat drawn;
  cv::Mat plain;
  size_t frames = 0;
  for (; reader.read(drawn); ++frames) {
    ASSERT_TRUE(original.read(plain));
    cv::Mat difference;
    cv::absdiff(drawn, plain, difference);
    const cv::Scalar mean = cv::mean(difference);
    EXPECT_GT(mean[0] + mean[1] + mean[2], 1) << "nothing drawn on frame " << frames;
  }
  EXPECT_EQ(frames, 2U * kScene);
  const std::string page = readFile(folder_ / "result.html");
  for (const char* words : {"anna: 1 track", "berta: 1 track", "carla: 1 track", "24"})
    EXPECT_TRUE(contains(page, words)) << words;
}

TEST_F(Identify, NamesTheFacesOfPhotographs) {
  writeBytes(folder_ / "in/a/both.png", encodePng(frame(0, 3, 0)));
  writeBytes(folder_ / "in/berta.jpg", encodeJpeg(photographs_[1].image, 95));
  writeBytes(folder_ / "in/nobody.png", encodePng(cv::Mat(100, 100, CV_8UC3, cv::Scalar::all(90))));
  writeBytes(folder_ / "in/tiny.png", encodePng(cv::Mat(8, 8, CV_8UC3, cv::Scalar::all(90))));
  const Finished finished = identify("in", "out/");
  ASSERT_EQ(finished.code, 0) << finished.output;
  const Json photographs = readJsonFile(folder_ / "result.json")["photographs"];
  ASSERT_EQ(photographs.size(), 4U);
  EXPECT_EQ(photographs[0]["photograph"], "a/both.png");
  EXPECT_EQ(photographs[0]["faces"].size(), 2U);
  ASSERT_EQ(photographs[1]["faces"].size(), 1U);
  expectFace(photographs[1]["faces"][0], 1, "berta", 0, 0);
  EXPECT_GT(photographs[1]["faces"][0]["score"], photographs[1]["faces"][0]["runner_up_score"]);
  EXPECT_TRUE(photographs[2]["faces"].empty());
  EXPECT_EQ(listImages(folder_ / "out").images, listImages(folder_ / "in").images);
  EXPECT_EQ(readImage(folder_ / "out/a/both.png").size(), cv::Size(560, 280));
  // Without a face nothing is drawn.
  EXPECT_EQ(cv::norm(readImage(folder_ / "out/nobody.png"), readImage(folder_ / "in/nobody.png")),
            0);
  EXPECT_EQ(identify("in", "out").code, 2) << "the folder is there already";
}

TEST_F(Identify, OnePhotographAndAMarginThatNobodyReaches) {
  writeBytes(folder_ / "berta.jpg", encodeJpeg(photographs_[1].image, 95));
  ASSERT_EQ(identify("berta.jpg", "named.webp").code, 0);
  EXPECT_EQ(readImage(folder_ / "named.webp").size(), cv::Size(250, 250));
  EXPECT_EQ(readJsonFile(folder_ / "result.json")["photographs"][0]["faces"][0]["name"], "berta");
  ASSERT_EQ(identify("berta.jpg", "named.png", {"--threshold", "0.9", "--margin", "1"}).code, 0);
  const Json face = readJsonFile(folder_ / "result.json")["photographs"][0]["faces"][0];
  EXPECT_EQ(face["name"], "unknown");
  EXPECT_EQ(face["nearest"], "berta");
}

TEST_F(Identify, TakesTheThresholdOfAnOpenSetResult) {
  writeBytes(folder_ / "berta.jpg", encodeJpeg(photographs_[1].image, 95));
  const std::string model = modelChecksum(readCheckpointManifest(folder_ / "checkpoint"));
  Json open_set = {{"model_sha256", model},
                   {"mirror", "concat"},
                   {"at_far", {{{"far", 0.1}, {"threshold", {{"mean", 0.875}}}}}}};
  writeJsonFile(folder_ / "open.json", open_set);
  const std::vector<std::string> flags = {"--open-set-result", folder_ / "open.json", "--far",
                                          "0.1"};
  ASSERT_EQ(identify("berta.jpg", "named.png", flags).code, 0);
  EXPECT_EQ(readJsonFile(folder_ / "result.json")["threshold"], 0.875);
  fs::remove(folder_ / "named.png");
  fs::remove(folder_ / "result.json");
  open_set["model_sha256"] = "another";
  writeJsonFile(folder_ / "open.json", open_set);
  expectFailure(identify("berta.jpg", "named.png", flags), 1, "measured with the model another",
                "named.png");
}

TEST_F(Identify, NamesTheGallerysPhotographThatIsOfNoUse) {
  writeBytes(folder_ / "in/berta.png", encodePng(photographs_[1].image));
  writeBytes(folder_ / "gallery/nobody.png",
             encodePng(cv::Mat(100, 100, CV_8UC3, cv::Scalar::all(90))));
  expectFailure(identify("in", "out"), 1,
                "no face found in " + (folder_ / "gallery/nobody.png").string(), "out");
  writeBytes(folder_ / "gallery/nobody.png", "no picture");
  expectFailure(identify("in", "out"), 1, "gallery/nobody.png: not an image", "out");
  fs::rename(folder_ / "gallery/berta.png", folder_ / "gallery/unknown.png");
  fs::remove(folder_ / "gallery/nobody.png");
  expectFailure(identify("in", "out"), 1, "nobody in a gallery can be called \"unknown\"", "out");
  fs::remove_all(folder_ / "gallery");
  fs::create_directory(folder_ / "gallery");
  expectFailure(identify("in", "out"), 1, "gallery", "out");
}

TEST_F(Identify, OfSeveralFacesTheMostCentralIsThePersons) {
  // Anna in the middle, the stranger at the edge.
  cv::Mat image(280, 760, CV_8UC3, cv::Scalar(40, 50, 60));
  photographs_[0].image.copyTo(image(cv::Rect(255, 10, 250, 250)));
  photographs_[3].image.copyTo(image(cv::Rect(505, 10, 250, 250)));
  fs::remove_all(folder_ / "gallery/anna");
  writeBytes(folder_ / "gallery/anna.png", encodePng(image));
  writeBytes(folder_ / "in.png", encodePng(photographs_[0].image));
  const Finished finished = identify("in.png", "out.png");
  ASSERT_EQ(finished.code, 0) << finished.output;
  EXPECT_TRUE(contains(finished.output, "anna.png shows several faces; the most central"));
  EXPECT_EQ(readJsonFile(folder_ / "result.json")["photographs"][0]["faces"][0]["name"], "anna");
}

TEST_F(Identify, NamesTheInputThatIsDamaged) {
  writeVideo(folder_ / "party.avi");
  const std::string bytes = readFile(folder_ / "party.avi");
  writeBytes(folder_ / "cut.avi", bytes.substr(0, bytes.size() / 2));
  expectFailure(identify("cut.avi", "named.avi"), 1, "cut.avi: no frame can be decoded after",
                "named.avi");
  writeBytes(folder_ / "in/berta.jpg", encodeJpeg(photographs_[1].image, 95).substr(0, 5000));
  expectFailure(identify("in", "out"), 1, "in/berta.jpg", "out");
  expectFailure(identify("none.avi", "named.avi"), 2, "no such file", "named.avi");
}

TEST_F(Identify, SaysWhichVideosItCanWrite) {
  writeVideo(folder_ / "party.avi");
  expectFailure(identify("party.avi", "named.gif"), 2, ".avi, .mp4, .mov, .mkv", "named.gif");
  expectFailure(identify("party.avi", "no/named.avi"), 2, "no such folder", "no/named.avi");
  EXPECT_EQ(identify("party.avi", "party.avi").code, 2);
  // Motion JPEG is OpenCV's own, H.264 is a backend's.
  std::vector<std::string> line = {"/usr/bin/env", "OPENCV_VIDEOIO_PRIORITY_FFMPEG=0",
                                   "OPENCV_VIDEOIO_PRIORITY_GSTREAMER=0"};
  for (const std::string& word : commandLine({"--input", folder_ / "party.avi", "--output",
                                              folder_ / "named.mp4", "--threshold", "0.9"}))
    line.push_back(word);
  expectFailure(testing::runCommand(line), 1, "can't write .mp4 with codec avc1", "named.mp4");
}

TEST_F(Identify, RefusesANetworkForOtherFaces) {
  const fs::path manifest = folder_ / "checkpoint/manifest.textproto";
  std::string text = readFile(manifest);
  text.erase(0, text.find('\n') + 1);  // its checksum
  text.replace(text.find(kAlignmentTemplate), std::string(kAlignmentTemplate).size(), "own");
  writeFileAtomically(manifest, text);
  writeBytes(folder_ / "in/berta.png", encodePng(photographs_[1].image));
  expectFailure(identify("in", "out"), 1, "was trained on \"own\" faces", "out");
  fs::remove_all(folder_ / "checkpoint");
  expectFailure(identify("in", "out"), 1, "checkpoint", "out");
}

TEST_F(Identify, WantsOneThreshold) {
  writeBytes(folder_ / "in/berta.png", encodePng(photographs_[1].image));
  expectFailure(identify("in", "out", {}), 2, "", "out");
  expectFailure(identify("in", "out", {"--threshold", "0.9", "--far", "0.1"}), 2, "--far", "out");
}

}  // namespace
}  // namespace sphereface
