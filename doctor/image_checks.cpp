// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "doctor/image_checks.h"

#include <algorithm>
#include <array>
#include <iomanip>

#include "base/error.h"
#include "data/align/alignment_template.h"

namespace sphereface::doctor {
namespace {

/// Grey levels: the mean of a black or white image, and the spread of one without a face.
constexpr float kBlack = 8;
constexpr float kWhite = 247;
constexpr float kFlat = 3;
/// How much darker than bridge and cheeks the mean face's eyes are at least. Against the cheeks,
/// measured: aligned photographs 71 to 84, painted faces 8 to 23, photographs that aren't aligned
/// -9 to -4.
constexpr double kEyes = 3;
constexpr size_t kFacesForMean = 50;

/// Grey level of the mean face where a point of the template is.
class MeanFace {
 public:
  explicit MeanFace(const ImageFacts& facts) {
    for (const ImageFact& image : facts.images) {
      for (size_t i = 0; i < sum_.size(); ++i)
        sum_[i] += image.thumbnail.pixels[i] / static_cast<double>(facts.images.size());
    }
  }
  double at(const cv::Point2d& point) const {
    const auto x = static_cast<size_t>(point.x * Thumbnail::kWidth / kAlignedWidth);
    const auto y = static_cast<size_t>(point.y * Thumbnail::kHeight / kAlignedHeight);
    return sum_.at(y * Thumbnail::kWidth + x);
  }

 private:
  std::array<double, Thumbnail::kPixels> sum_{};
};

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

Finding alignmentFinding(const ImageFacts& facts, const std::string& alignment_template) {
  const std::string name = "alignment";
  if (alignment_template != kAlignmentTemplate) {
    return skipped(name, concat("the template \"", alignment_template, "\" isn't known here"));
  }
  if (facts.images.size() < kFacesForMean) {
    return skipped(name, concat(facts.images.size(), " images make no mean face"));
  }
  const MeanFace face(facts);
  const FivePoints points = alignmentTemplate();
  const double eyes = 0.5 * (face.at(points[0]) + face.at(points[1]));
  const double bridge = face.at(0.5 * (points[0] + points[1]));
  const double cheeks =
      0.5 * (face.at(0.5 * (points[0] + points[3])) + face.at(0.5 * (points[1] + points[4])));
  const std::string found =
      concat(std::setprecision(3), "the mean face has grey level ", eyes, " at the eyes, ", bridge,
             " between them, ", cheeks, " at the cheeks");
  if (bridge - eyes >= kEyes && cheeks - eyes >= kEyes) return good(name, found);
  return warning(name, concat(found, ": the eyes aren't where ", alignment_template, " has them"),
                 "sphereface align --input PHOTOGRAPHS --output FACES --models MTCNN, then "
                 "sphereface pack; photographs already aligned aren't to be aligned again");
}

}  // namespace sphereface::doctor
