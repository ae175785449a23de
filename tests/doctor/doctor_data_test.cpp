// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What doctor says of data sets with one fault each, and of one without.

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <opencv2/imgproc.hpp>

#include "base/image_file.h"
#include "base/image_folder.h"
#include "base/temporary_folder.h"
#include "data/align/face_alignment.h"
#include "data/align/mtcnn.h"
#include "doctor/duplicate_checks.h"
#include "doctor/image_checks.h"
#include "doctor/label_checks.h"
#include "tests/doctor/doctor_data.h"
#include "tests/doctor/doctor_support.h"
#include "tests/support/shared_data.h"

namespace sphereface::doctor {
namespace {

using testing::FaceRecord;
using testing::manifestOf;
using testing::paintedFaces;

constexpr int kIdentities = 12;
constexpr int kImages = 6;

/// Eighty percent of the size, and a little brighter: another file of the same photograph.
cv::Mat anotherCopy(const cv::Mat& image) {
  cv::Mat small;
  cv::resize(image, small, {}, 0.8, 0.8, cv::INTER_AREA);
  cv::Mat copy;
  cv::resize(small, copy, image.size(), 0, 0, cv::INTER_LINEAR);
  copy.convertTo(copy, -1, 0.9, 12);
  return copy;
}

class DoctorData : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    faces_ = new std::vector<FaceRecord>(paintedFaces(kIdentities, kImages));
  }
  static void TearDownTestSuite() { delete faces_; }

  /// With pixels of their own: assigning to a cv::Mat may write into those it shares.
  static std::vector<FaceRecord> faces() {
    std::vector<FaceRecord> copies = *faces_;
    for (FaceRecord& copy : copies)
      copy.image = copy.image.clone();
    return copies;
  }

  /// A data set of these records, scanned.
  void scan(const std::vector<FaceRecord>& records, int classes = kIdentities) {
    scan(records, manifestOf(records, classes));
  }
  void scan(const std::vector<FaceRecord>& records, const DatasetManifest& manifest) {
    writeDataset(folder_ / "set", records, manifest);
    dataset_ = std::make_unique<Dataset>(folder_ / "set");
    stored_ = scanStored(*dataset_, {});
    images_ = scanImages(*dataset_, stored_, {});
  }

  const DatasetManifest& manifest() const { return dataset_->manifest(); }
  std::string bytes(uint64_t record) const {
    std::string result;
    dataset_->stored(record, [&](int, std::string_view image) { result = image; });
    return result;
  }
  Finding labels() const { return labelsFinding(stored_, manifest(), key_); }
  Finding order() const { return orderFinding(stored_.label, manifest().classes()); }
  Finding duplicates() const {
    return duplicatesFinding(stored_, manifest(), key_, [this](uint64_t i) { return bytes(i); });
  }
  Finding nearDuplicates() const {
    std::vector<Thumbnail> thumbnails;
    for (const ImageFact& image : images_.images)
      thumbnails.push_back(image.thumbnail);
    return nearDuplicatesFinding(images_, manifest(), findLikePairs(thumbnails, kSamePhotograph),
                                 key_);
  }

  static std::vector<FaceRecord>* faces_;
  const TemporaryFolder folder_;
  std::unique_ptr<Dataset> dataset_;
  StoredFacts stored_;
  ImageFacts images_;
  const KeyOf key_ = [this](uint64_t record) { return dataset_->key(record); };
};

std::vector<FaceRecord>* DoctorData::faces_ = nullptr;

TEST_F(DoctorData, AGoodSetHasNothingToSay) {
  scan(faces());
  expectFinding(labels(), State::kOk, "72 of 72 records read, all labels in 0 .. 11");
  expectFinding(classesFinding(stored_, manifest()), State::kOk,
                "12 classes of 6 to 6 images, median 6");
  expectFinding(overlapFinding(manifest()), State::kOk, "none of the three");
  expectFinding(order(), State::kOk, "% of neighbours");
  expectFinding(imagesFinding(stored_, images_, 72), State::kOk, "72 of 72 records decoded");
  expectFinding(blankFinding(images_, key_), State::kOk, "0 of 72");
  expectFinding(colourFinding(images_), State::kOk, "0 of 72 images are grey");
  expectFinding(alignmentFinding(images_, manifest()), State::kOk,
                "the mean of 72 faces has dark spots at (");
  expectFinding(duplicates(), State::kOk, "no two of 72 stored images are equal");
  expectFinding(nearDuplicates(), State::kOk, "no two of 72 images look like");
}

TEST_F(DoctorData, LabelsOutsideTheClassesAreNamed) {
  std::vector<FaceRecord> records = faces();
  records[5].label = 12;
  records[9].label = -1;
  scan(records);
  const Finding finding = labels();
  expectFinding(finding, State::kFail, "2 have a label outside 0 .. 11", "sphereface pack");
  ASSERT_EQ(finding.examples.size(), 2U);
  EXPECT_EQ(finding.examples[0], "00000005_12.png: label 12");
  EXPECT_EQ(imagesFinding(stored_, images_, 72).state, State::kOk) << "not their images' fault";
  EXPECT_EQ(images_.tried, 70U);
}

TEST_F(DoctorData, ClassesWithoutAnImageOrWithOneAreNamed) {
  DatasetManifest manifest = manifestOf(faces(), kIdentities);
  manifest.set_classes(13);
  manifest.add_identity()->set_name("nobody");
  scan(faces(), manifest);
  Finding finding = classesFinding(stored_, this->manifest());
  expectFinding(finding, State::kFail, "1 have none", "an image for every identity");
  EXPECT_EQ(finding.examples, std::vector<std::string>{"nobody (label 12)"});

  manifest.mutable_identity(12)->set_images(1);
  stored_.label[0] = 12;
  stored_.label[1] = 12;
  expectFinding(classesFinding(stored_, manifest), State::kFail, "the manifest has other counts");
}

TEST(DoctorClasses, SinglesAndImbalanceAreWarnedOf) {
  DatasetManifest manifest;
  StoredFacts facts;
  auto add = [&](int label, uint32_t images) {
    manifest.add_identity()->set_images(images);
    manifest.set_classes(static_cast<uint32_t>(manifest.identity_size()));
    manifest.set_records(manifest.records() + images);
    facts.label.insert(facts.label.end(), images, label);
    facts.read = facts.label.size();
  };
  add(0, 10);
  expectFinding(classesFinding(facts, manifest), State::kFail, "1 class of", "two identities");
  add(1, 10);
  add(2, 10);
  expectFinding(classesFinding(facts, manifest), State::kOk, "3 classes of 10 to 10 images");
  add(3, 600);
  expectFinding(classesFinding(facts, manifest), State::kWarn, "the largest fill the batches",
                "keep some hundred");
  add(4, 1);
  expectFinding(classesFinding(facts, manifest), State::kWarn, "1 class has a single image",
                "remove their folders");
  // Not all was read: the manifest is taken at its word.
  facts.read -= 1;
  expectFinding(classesFinding(facts, manifest), State::kWarn, "(by the manifest)");
}

TEST(DoctorClasses, IdentitiesSharedWithLfwAreNamed) {
  DatasetManifest manifest;
  manifest.add_identity()->set_name("0000045");
  manifest.add_identity()->set_name("1056413");
  const Finding finding = overlapFinding(manifest);
  expectFinding(finding, State::kWarn, "1 of the three", "remove their folders");
  EXPECT_EQ(finding.examples, std::vector<std::string>{"1056413"});
}

TEST_F(DoctorData, UnshuffledRecordsAreWarnedOf) {
  std::vector<FaceRecord> records = faces();
  std::stable_sort(records.begin(), records.end(),
                   [](const FaceRecord& a, const FaceRecord& b) { return a.label < b.label; });
  scan(records);
  expectFinding(order(), State::kWarn, "84.5 % of neighbours are of one identity", "--no-shuffle");
}

TEST(DoctorOrder, UnshuffledDataThatTrainingCannotMixFail) {
  constexpr int kClasses = 2000;
  std::vector<int32_t> labels;
  for (int label = 0; label < kClasses; ++label)
    labels.insert(labels.end(), 40, label);
  expectFinding(orderFinding(labels, kClasses), State::kFail, "rise and fall inside an epoch",
                "--no-shuffle");
  Random random(1);
  shuffle(labels, random);
  expectFinding(orderFinding(labels, kClasses), State::kOk, "when shuffled");
  // Few classes make many equal neighbours without any order.
  std::vector<int32_t> two(1000);
  for (int32_t& label : two)
    label = static_cast<int32_t>(random.below(2));
  expectFinding(orderFinding(two, 2), State::kOk, "when shuffled");
  expectFinding(orderFinding({1}, 2), State::kSkipped, "fewer than two");
}

TEST_F(DoctorData, ImagesThatCannotBeDecodedAreNamed) {
  std::vector<FaceRecord> records = faces();
  records[3].image = cv::Mat();
  cv::resize(records[7].image, records[7].image, {96, 96});
  scan(records);
  const Finding finding = imagesFinding(stored_, images_, 72);
  expectFinding(finding, State::kFail, "2 can't be used", "data.bad_record: SKIP");
  ASSERT_EQ(finding.examples.size(), 2U);
  EXPECT_TRUE(says(finding.examples[0], "record 3")) << finding.examples[0];
  EXPECT_TRUE(says(finding.examples[1], "3x96x96")) << finding.examples[1];
  EXPECT_EQ(images_.images.size(), 70U);
}

TEST_F(DoctorData, BlankImagesAreCounted) {
  std::vector<FaceRecord> records = faces();
  records[1].image = cv::Mat::zeros(112, 96, CV_8UC3);
  records[2].image = cv::Mat(112, 96, CV_8UC3, cv::Scalar(255, 255, 255));
  records[4].image = cv::Mat(112, 96, CV_8UC3, cv::Scalar(90, 120, 140));
  scan(records);
  const Finding finding = blankFinding(images_, key_);
  expectFinding(finding, State::kWarn, "3 of 72 are black, white", "remove them");
  EXPECT_EQ(finding.examples.size(), 3U);
  // They are the same photograph to nobody.
  EXPECT_EQ(nearDuplicates().state, State::kOk);
}

TEST_F(DoctorData, RedAndBlueSwappedAreNoticed) {
  std::vector<FaceRecord> records;
  for (const FaceRecord& face : faces()) {
    records.push_back({face.label, cv::Mat()});
    cv::cvtColor(face.image, records.back().image, cv::COLOR_BGR2RGB);
  }
  scan(records);
  expectFinding(colourFinding(images_), State::kWarn, "seem to be R, G, B", "B, G, R");
}

TEST_F(DoctorData, GreyImagesHaveNoColourOrder) {
  std::vector<FaceRecord> records;
  for (const FaceRecord& face : faces()) {
    cv::Mat grey;
    cv::cvtColor(face.image, grey, cv::COLOR_BGR2GRAY);
    records.push_back({face.label, cv::Mat()});
    cv::cvtColor(grey, records.back().image, cv::COLOR_GRAY2BGR);
  }
  scan(records);
  expectFinding(colourFinding(images_), State::kSkipped, "72 of 72 images are grey");
}

/// The face moved by (x, y) and made larger, its border repeated.
cv::Mat moved(const cv::Mat& face, double scale, double x, double y) {
  const cv::Matx23d map(scale, 0, (1 - scale) * face.cols / 2 + x,  //
                        0, scale, (1 - scale) * face.rows / 2 + y);
  cv::Mat result;
  cv::warpAffine(face, result, map, face.size(), cv::INTER_LINEAR, cv::BORDER_REPLICATE);
  return result;
}

cv::Mat upsideDown(const cv::Mat& face) {
  cv::Mat turned;
  cv::rotate(face, turned, cv::ROTATE_180);
  return turned;
}

/// A photograph with the face in the middle, made 112x96.
cv::Mat squeezed(const cv::Mat& photograph) {
  cv::Mat small;
  cv::resize(photograph, small, {kAlignedWidth, kAlignedHeight}, 0, 0, cv::INTER_AREA);
  return small;
}

void add(ImageFacts& facts, const cv::Mat& face) {
  std::vector<cv::Mat> planes;
  cv::split(face, planes);
  cv::Mat stacked;
  cv::vconcat(planes, stacked);
  addFace(facts.mean, stacked.data, kAlignedHeight, kAlignedWidth);
}

TEST_F(DoctorData, FacesThatAreNotAlignedAreNoticed) {
  const std::vector<std::pair<const char*, std::function<cv::Mat(const cv::Mat&)>>> cases = {
      {"smaller, as of a squeezed photograph", [](auto& face) { return moved(face, 0.6, 0, 0); }},
      {"down", [](auto& face) { return moved(face, 1, 0, 12); }},
      {"up", [](auto& face) { return moved(face, 1, 0, -10); }},
      {"to the side", [](auto& face) { return moved(face, 1, 12, 0); }},
      {"upside down", upsideDown}};
  for (const auto& [what, change] : cases) {
    images_.mean = {};
    for (const FaceRecord& face : *faces_) {
      add(images_, change(face.image));
    }
    SCOPED_TRACE(what);
    expectFinding(alignmentFinding(images_, manifestOf(*faces_, kIdentities)), State::kWarn,
                  "the eyes aren't where sphereface-112x96 has them", "sphereface align");
  }
}

TEST_F(DoctorData, AlignmentIsLookedForWhereItIsUnknown) {
  DatasetManifest manifest = manifestOf(*faces_, kIdentities);
  manifest.set_alignment_template("unknown");
  scan(faces(), manifest);
  expectFinding(alignmentFinding(images_, manifest), State::kOk,
                "the data set itself says \"unknown\"");
  manifest.set_height(128);
  expectFinding(alignmentFinding(images_, manifest), State::kSkipped, "isn't known here");
  images_.mean.faces = 10;
  expectFinding(alignmentFinding(images_, manifestOf(*faces_, kIdentities)), State::kSkipped,
                "10 images make no mean face");
}

/// Faces of 100 photographs, and what users make of photographs instead.
TEST(DoctorAlignment, TellsAlignedPhotographsFromOthers) {
  for (const char* data : {"mtcnn", "lfw", "celeba299"})
    SPHEREFACE_NEEDS(sharedData(data));
  const MtcnnNetworks networks = loadMtcnn(sharedData("mtcnn"));
  for (const char* set : {"lfw", "celeba299"}) {
    ImageFacts aligned;
    ImageFacts turned;
    ImageFacts whole;
    ImageFacts centre;
    const std::vector<std::filesystem::path> all = listImages(sharedData(set)).images;
    for (size_t i = 0; i < 100; ++i) {
      const cv::Mat image = readImage(sharedData(set) / all[i * all.size() / 100]);
      const std::vector<Face> faces = detectFaces(networks, image, {.min_face = 40});
      if (faces.empty()) continue;
      const cv::Mat face =
          alignFace(image, faces[chooseFace(faces, image.size(), FaceChoice::kCentral)].points);
      add(aligned, face);
      add(turned, upsideDown(face));
      add(whole, squeezed(image));
      // The middle 60 % of it, of a face's proportions.
      const int height = cvFloor(0.6 * std::min(image.rows, image.cols * 7 / 6));
      const int width = height * 6 / 7;
      add(centre, squeezed(image({(image.cols - width) / 2, (image.rows - height) / 2, width,  //
                                  height})));
    }
    const DatasetManifest manifest = manifestOf({}, 1);
    SCOPED_TRACE(set);
    EXPECT_GT(aligned.mean.faces, 90U);
    expectFinding(alignmentFinding(aligned, manifest), State::kOk, "dark spots");
    expectFinding(alignmentFinding(turned, manifest), State::kWarn, "eyes aren't where", "align");
    expectFinding(alignmentFinding(whole, manifest), State::kWarn, "eyes aren't where", "align");
    expectFinding(alignmentFinding(centre, manifest), State::kWarn, "eyes aren't where", "align");
  }
}

TEST_F(DoctorData, CopiesAreFoundWithinAndAcrossIdentities) {
  std::vector<FaceRecord> records = faces();
  const FaceRecord first = records[0];
  const int other = (first.label + 1) % kIdentities;
  records.push_back(first);                                   // 72: the same file again
  records.push_back({other, first.image});                    // 73: under another name
  records.push_back({other, anotherCopy(records[1].image)});  // 74: another file, another name
  records[74].label = records[1].label == other ? (other + 1) % kIdentities : other;
  scan(records);
  const Finding equal = duplicates();
  expectFinding(equal, State::kWarn, "1 are copies within an identity, most of person ",
                "remove one file of each pair");
  EXPECT_TRUE(says(equal.found, "1 stand under another identity too")) << equal.found;
  ASSERT_EQ(equal.examples.size(), 2U);
  EXPECT_TRUE(says(equal.examples[0], "00000000_")) << equal.examples[0];
  EXPECT_TRUE(says(equal.examples[0], " = 00000073_")) << equal.examples[0];

  const Finding alike = nearDuplicates();
  expectFinding(alike, State::kWarn, "3 pairs of different identities do", "remove one file");
  EXPECT_TRUE(says(alike.found, "1 pairs within an identity")) << alike.found;
  ASSERT_EQ(alike.examples.size(), 4U);
  EXPECT_TRUE(says(alike.examples[1], " ~ 00000074_") || says(alike.examples[2], " ~ 00000074_"));
}

TEST_F(DoctorData, EqualHashesOfOtherBytesAreNoCopies) {
  scan(faces());
  std::fill(stored_.hash.begin(), stored_.hash.end(), 1);
  expectFinding(duplicates(), State::kOk, "no two");
}

TEST(DoctorNearDuplicates, AreFoundAmongManyOthers) {
  // Smooth random pictures, a tenth of them stored again with noise.
  constexpr size_t kPictures = 5000;
  Random random(3);
  std::vector<Thumbnail> thumbnails(kPictures);
  for (Thumbnail& thumbnail : thumbnails) {
    cv::Mat coarse(5, 4, CV_32F);
    for (float& value : cv::Mat_<float>(coarse))
      value = static_cast<float>(random.uniform(20, 235));
    cv::Mat fine;
    cv::resize(coarse, fine, {Thumbnail::kWidth, Thumbnail::kHeight}, 0, 0, cv::INTER_LINEAR);
    std::copy(fine.begin<float>(), fine.end<float>(), thumbnail.pixels.begin());
  }
  std::vector<std::pair<size_t, size_t>> planted;
  for (size_t i = 0; i < kPictures; i += 10) {
    Thumbnail copy = thumbnails[i];
    for (uint8_t& pixel : copy.pixels)
      pixel = cv::saturate_cast<uint8_t>(0.9 * pixel + 8 + 2 * random.normal());
    if (likeness(thumbnails[i], copy) < kSamePhotograph) continue;
    planted.emplace_back(i, thumbnails.size());
    thumbnails.push_back(copy);
  }
  const std::vector<LikePair> pairs = findLikePairs(thumbnails, kSamePhotograph);
  size_t found = 0;
  for (const LikePair& pair : pairs) {
    EXPECT_LT(pair.first, pair.second);
    EXPECT_GE(pair.likeness, kSamePhotograph);
    found += std::count(planted.begin(), planted.end(), std::pair(pair.first, pair.second));
  }
  EXPECT_GT(planted.size(), kPictures / 12);
  EXPECT_GE(found, 98 * planted.size() / 100);
  EXPECT_EQ(found, pairs.size()) << "nothing else is alike";
}

TEST(DoctorNearDuplicates, ACrowdOfEqualPicturesIsNotSquared) {
  Thumbnail one;
  for (size_t i = 0; i < Thumbnail::kPixels; ++i)
    one.pixels[i] = static_cast<uint8_t>(i);
  const std::vector<LikePair> pairs = findLikePairs(std::vector<Thumbnail>(2000, one), 0.99);
  EXPECT_GE(pairs.size(), 1999U);
  EXPECT_LE(pairs.size(), 2000U * 64);
  EXPECT_TRUE(findLikePairs({one}, 0.99).empty());
  EXPECT_TRUE(findLikePairs({Thumbnail(), Thumbnail()}, 0.99).empty()) << "without contrast";
}

TEST_F(DoctorData, LimitsAreKept) {
  scan(faces());
  ScanLimits limits;
  limits.images = 10;
  EXPECT_EQ(scanImages(*dataset_, stored_, limits).tried, 10U);
  limits.seconds = 0;
  const StoredFacts nothing = scanStored(*dataset_, limits);
  EXPECT_EQ(nothing.read, 0U);
  EXPECT_EQ(nothing.label[0], StoredFacts::kUnread);
  expectFinding(blankFinding(scanImages(*dataset_, stored_, limits), key_), State::kSkipped,
                "no image could be decoded");
}

}  // namespace
}  // namespace sphereface::doctor
