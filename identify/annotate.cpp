// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
#include "identify/annotate.h"

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>
#include <optional>
#include <span>
#include <string>
#include <system_error>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/image_file.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "identify/video_file.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

const cv::Scalar kKnownColor(80, 120, 0);  // BGR; white letters are legible on both
const cv::Scalar kUnknownColor(0, 70, 180);
constexpr int kFont = cv::FONT_HERSHEY_SIMPLEX;
constexpr int kJpegQuality = 95;

std::string labelOf(const NamedTrack& named, const Gallery& gallery) {
  // To two decimals, without a minus before zero.
  const double score = std::round(100 * named.match.score) / 100 + 0.0;
  return concat(named.known ? gallery.faces.name(named.match.person) : kUnknown, " ",
                fixed(score, 2));
}

/// White on `color`, its lower edge at `bottom`, moved into the image where it would leave it.
void drawLabel(const std::string& text, int left, int bottom, const cv::Scalar& color, double scale,
               cv::Mat& image) {
  const int stroke = std::max(1, static_cast<int>(std::lround(1.4 * scale)));
  int descent = 0;
  const cv::Size extent = cv::getTextSize(text, kFont, scale, stroke, &descent);
  const int pad = std::max(2, static_cast<int>(std::lround(5 * scale)));
  cv::Rect place(left, 0, extent.width + 2 * pad, extent.height + descent + 2 * pad);
  place.x = std::max(0, std::min(place.x, image.cols - place.width));
  place.y = std::max(0, std::min(bottom - place.height, image.rows - place.height));
  cv::rectangle(image, place, color, cv::FILLED);
  cv::putText(image, text, {place.x + pad, place.y + pad + extent.height}, kFont, scale,
              cv::Scalar::all(255), stroke, cv::LINE_AA);
}

/// Draws on an 8-bit BGR image.
void drawFaces(std::span<const TrackedFace> faces, std::span<const NamedTrack> tracks,
               const Gallery& gallery, cv::Mat& image) {
  const int shorter = std::min(image.rows, image.cols);
  const double scale = std::clamp(shorter / 700.0, 0.4, 2.5);
  const int stroke = std::max(1, static_cast<int>(std::lround(4 * scale)));
  const auto pixel = [](double x) { return static_cast<int>(std::lround(x)); };
  for (const TrackedFace& tracked : faces) {
    const NamedTrack& named = tracks[tracked.track];
    const cv::Scalar& color = named.known ? kKnownColor : kUnknownColor;
    const Face& face = tracked.face;
    const cv::Point upper_left(pixel(face.x1), pixel(face.y1));
    cv::rectangle(image, upper_left, {pixel(face.x2), pixel(face.y2)}, color, stroke);
    drawLabel(labelOf(named, gallery), upper_left.x, upper_left.y, color, scale, image);
  }
}

}  // namespace

void annotatePhotograph(const cv::Mat& photograph, const IdentifiedFaces& identified,
                        const Gallery& gallery, const fs::path& output) {
  cv::Mat image = photograph.clone();
  drawFaces(identified.images.front(), identified.tracks, gallery, image);
  writeFileAtomically(output, encodeImage(image, output, kJpegQuality));
}

void annotatePhotographs(const ImageSource& photographs, const IdentifiedFaces& identified,
                         const Gallery& gallery, const fs::path& output, size_t threads) {
  if (fs::exists(output)) throw Error(concat(output.string(), " exists already"));
  const fs::path partial = output.string() + ".partial";
  fs::remove_all(partial);  // of a run that was killed
  makeWorkFolder(partial);
  try {
    Progress progress("drawing", photographs.names.size(), "photographs");
    parallelFor(photographs.names.size(), threads, [&](size_t i) {
      cv::Mat image = photographs.load(i);
      drawFaces(identified.images[i], identified.tracks, gallery, image);
      fs::path file = partial / photographs.names[i];
      if (!hasWrittenSuffix(file)) file += ".png";
      fs::create_directories(file.parent_path());
      writeFileAtomically(file, encodeImage(image, file, kJpegQuality));
      progress.add();
    });
    progress.finish();
    commitDirectory(partial, output);
  } catch (...) {
    std::error_code ignored;
    fs::remove_all(partial, ignored);
    throw;
  }
}

void annotateVideo(const fs::path& video, const IdentifiedFaces& identified, const Gallery& gallery,
                   const fs::path& output) {
  VideoReader reader(video);
  std::optional<VideoWriter> writer;
  cv::Mat frame;
  Progress progress("drawing", identified.images.size(), "frames");
  for (const std::vector<TrackedFace>& faces : identified.images) {
    if (!reader.read(frame)) throw Error(concat(video.string(), " has become shorter"));
    if (!writer) writer.emplace(output, reader.framesPerSecond(), frame.size());
    drawFaces(faces, identified.tracks, gallery, frame);
    writer->write(frame);
    progress.add();
  }
  progress.finish();
  if (writer) writer->commit();
}

}  // namespace sphereface
