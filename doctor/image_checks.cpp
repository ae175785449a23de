// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "doctor/image_checks.h"

#include <algorithm>
#include <array>
#include <iomanip>
#include <opencv2/imgproc.hpp>

#include "base/error.h"
#include "data/align/alignment_template.h"

namespace sphereface::doctor {
namespace {

/// Grey levels: the mean of a black or white image, and the spread of one without a face.
constexpr float kBlack = 8;
constexpr float kWhite = 247;
constexpr float kFlat = 3;
constexpr uint64_t kFacesForMean = 50;
/// How far the mean face's eyes may lie from the template's on average, in pixels of a 112x96 face,
/// and how much darker than their surroundings they are at least, in standard deviations of the
/// mean face's grey levels. docs/architecture.md has what was measured.
constexpr double kFarthestEyes = 6;
constexpr double kFaintestEyes = 0.5;

/// Where the mean face has a dark spot of an eye's size, in pixels of a 112x96 face, and how dark.
struct Eye {
  cv::Point2d at;
  double contrast = 0;  // standard deviations of the mean face's grey levels
};

/// Half a step to the side at most: where the parabola through three neighbours is highest.
double peakBetween(float before, float here, float after) {
  const double curvature = before - 2.0 * here + after;
  return curvature < 0 ? std::clamp(0.5 * (before - after) / curvature, -0.5, 0.5) : 0;
}

/// The darkest spots within 16 pixels to the side and 20 up or down of the template's eyes. A
/// spot's darkness is the difference of two blurs, of 8 and 3 pixels.
std::array<Eye, 2> findEyes(const MeanFace& mean) {
  constexpr double kShrunk = double{kAlignedWidth} / MeanFace::kWidth;
  cv::Mat face(MeanFace::kHeight, MeanFace::kWidth, CV_32F);
  for (size_t i = 0; i < MeanFace::kPixels; ++i) {
    face.at<float>(static_cast<int>(i)) =
        static_cast<float>(mean.sum[i]) / static_cast<float>(mean.faces);
  }
  cv::Scalar grey;
  cv::Scalar spread;
  cv::meanStdDev(face, grey, spread);
  cv::Mat narrow;
  cv::Mat wide;
  cv::GaussianBlur(face, narrow, {}, 3 / kShrunk, 0, cv::BORDER_REPLICATE);
  cv::GaussianBlur(face, wide, {}, 8 / kShrunk, 0, cv::BORDER_REPLICATE);
  const cv::Mat dark = wide - narrow;
  std::array<Eye, 2> eyes;
  for (size_t k = 0; k < eyes.size(); ++k) {
    const cv::Point2d expected = alignmentTemplate()[k];
    const int x = static_cast<int>(expected.x / kShrunk);
    const int y = static_cast<int>(expected.y / kShrunk);
    const cv::Rect window(x - 8, y - 10, 17, 21);
    cv::Point spot;
    cv::minMaxLoc(dark(window), nullptr, nullptr, nullptr, &spot);
    spot += window.tl();
    const auto at = [&](int dx, int dy) { return dark.at<float>(spot.y + dy, spot.x + dx); };
    const cv::Point2d exact(spot.x + peakBetween(at(-1, 0), at(0, 0), at(1, 0)),
                            spot.y + peakBetween(at(0, -1), at(0, 0), at(0, 1)));
    // Centres of pixels are at whole numbers in both.
    eyes[k].at = kShrunk * (exact + cv::Point2d(0.5, 0.5)) - cv::Point2d(0.5, 0.5);
    eyes[k].contrast = at(0, 0) / std::max(spread[0], 1.0);
  }
  return eyes;
}

}  // namespace

Finding imagesFinding(const StoredFacts& stored, const ImageFacts& facts, uint64_t records) {
  const uint64_t unusable = stored.unusable.count + facts.unusable.count;
  const std::string found = concat(facts.tried, " of ", records, " records decoded");
  if (unusable == 0) return good("images", found);
  Finding finding =
      failure("images", concat(found, ", ", unusable, " can't be used"),
              "sphereface pack --input FACES --output LMDB --force --skip-bad, or train with "
              "data.bad_record: SKIP");
  finding.examples = stored.unusable.messages;
  for (const std::string& message : facts.unusable.messages) {
    if (finding.examples.size() < kMostExamples) finding.examples.push_back(message);
  }
  return finding;
}

bool isBlank(const ImageFact& image) {
  return image.brightness < kBlack || image.brightness > kWhite || image.contrast < kFlat;
}

Finding blankFinding(const ImageFacts& facts, const KeyOf& key) {
  const std::string name = "blank images";
  if (facts.images.empty()) return skipped(name, "no image could be decoded");
  uint64_t blank = 0;
  double brightness = 0;
  std::vector<std::string> examples;
  for (const ImageFact& image : facts.images) {
    brightness += image.brightness / static_cast<double>(facts.images.size());
    if (!isBlank(image)) continue;
    if (++blank <= kMostExamples) {
      examples.push_back(concat(key(image.record), ": mean ", std::setprecision(3),
                                image.brightness, ", spread ", image.contrast));
    }
  }
  const std::string found = concat(blank, " of ", facts.images.size(),
                                   " are black, white or of one colour; mean grey level ",
                                   std::setprecision(3), brightness);
  if (blank == 0) return good(name, found);
  Finding finding =
      warning(name, found,
              "remove them from FACES, then sphereface pack --input FACES --output LMDB --force");
  std::sort(examples.begin(), examples.end());
  finding.examples = std::move(examples);
  return finding;
}

Finding colourFinding(const ImageFacts& facts) {
  const std::string name = "colour order";
  if (facts.images.empty()) return skipped(name, "no image could be decoded");
  uint64_t grey = 0;
  uint64_t coloured = 0;
  uint64_t warm = 0;
  double difference = 0;
  for (const ImageFact& image : facts.images) {
    if (image.grey) {
      ++grey;
      continue;
    }
    ++coloured;
    difference += image.red_minus_blue;
    if (image.red_minus_blue > 0) ++warm;
  }
  const std::string greys = concat(grey, " of ", facts.images.size(), " images are grey");
  if (coloured == 0) return skipped(name, concat(greys, ": they have no colour order"));
  difference /= static_cast<double>(coloured);
  const std::string found =
      concat("red - blue at the faces' centres is ", std::setprecision(3), difference,
             " grey levels on average, more than 0 in ",
             100 * static_cast<double>(warm) / static_cast<double>(coloured), " %; ", greys);
  if (difference > 0 && 2 * warm > coloured) return good(name, found);
  return warning(name, concat(found, ": skin has more red, so the planes seem to be R, G, B"),
                 "write the records' pixels as B, G, R planes (sphereface pack does)");
}

Finding alignmentFinding(const ImageFacts& facts, const DatasetManifest& manifest) {
  const std::string name = "alignment";
  const bool unknown = manifest.alignment_template() == "unknown" &&
                       manifest.height() == kAlignedHeight && manifest.width() == kAlignedWidth;
  if (manifest.alignment_template() != kAlignmentTemplate && !unknown) {
    return skipped(name,
                   concat("the template \"", manifest.alignment_template(), "\" isn't known here"));
  }
  if (facts.mean.faces < kFacesForMean) {
    return skipped(name, concat(facts.mean.faces, " images make no mean face"));
  }
  const std::array<Eye, 2> eyes = findEyes(facts.mean);
  const FivePoints points = alignmentTemplate();
  const double distance =
      0.5 * (cv::norm(eyes[0].at - points[0]) + cv::norm(eyes[1].at - points[1]));
  const double contrast = std::min(eyes[0].contrast, eyes[1].contrast);
  const auto place = [](const cv::Point2d& point) {
    return concat("(", cvRound(point.x), ", ", cvRound(point.y), ")");
  };
  const std::string mean =
      concat("the mean of ", facts.mean.faces, " faces has dark spots at ", place(eyes[0].at),
             " and ", place(eyes[1].at), ", ", std::fixed, std::setprecision(1), distance,
             " pixels from ", kAlignmentTemplate, "'s eyes, of contrast ", contrast);
  if (distance <= kFarthestEyes && contrast >= kFaintestEyes) {
    return good(name, unknown ? concat(mean, "; the data set itself says \"unknown\"") : mean);
  }
  return warning(name, concat(mean, ": the eyes aren't where ", kAlignmentTemplate, " has them"),
                 "sphereface align --input PHOTOGRAPHS --output FACES --models MTCNN, then "
                 "sphereface pack; photographs already aligned aren't to be aligned again");
}

}  // namespace sphereface::doctor
