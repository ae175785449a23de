// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "identify/identify.h"

#include <algorithm>
#include <cmath>
#include <opencv2/core.hpp>
#include <span>

#include "base/parallel.h"
#include "base/progress.h"
#include "identify/face_finder.h"
#include "identify/video_file.h"

namespace sphereface {
namespace {

constexpr size_t kImagesPerThread = 4;  // in memory at a time
constexpr double kMaxGapSeconds = 0.5;

/// Finds, embeds and follows the faces of images that are given in their order.
class FaceLog {
 public:
  /// `max_gap`: frames over which a face is followed.
  FaceLog(const Identifier& identifier, size_t max_gap)
      : identifier_(identifier), tracker_(identifier.rule.threshold, max_gap) {}

  /// The next images, 8-bit BGR; several at a time, so that the threads have work.
  void add(std::span<const cv::Mat> images) {
    std::vector<std::vector<FoundFace>> found(images.size());
    parallelFor(images.size(), identifier_.threads, [&](size_t i) {
      found[i] = findFaces(identifier_.networks, images[i], identifier_.min_face);
    });
    std::vector<cv::Mat> aligned;
    for (const std::vector<FoundFace>& faces : found) {
      for (const FoundFace& face : faces)
        aligned.push_back(face.aligned);
    }
    const std::vector<float> features = identifier_.embedder.embed(aligned);
    size_t begin = 0;
    for (const std::vector<FoundFace>& faces : found) {
      const size_t numbers = faces.size() * identifier_.embedder.dim();
      const std::vector<size_t> tracks =
          tracker_.add(faces, std::span(features).subspan(begin, numbers));
      begin += numbers;
      std::vector<TrackedFace>& image = images_.emplace_back();
      for (size_t i = 0; i < faces.size(); ++i)
        image.push_back({faces[i].face, tracks[i]});
    }
  }

  /// Who they are.
  IdentifiedFaces named() const {
    IdentifiedFaces identified{images_, {}};
    for (const FaceTrack& track : tracker_.tracks()) {
      const Match match = identifier_.gallery.faces.match(track.feature);
      identified.tracks.push_back({track, match, isKnown(identifier_.rule, match)});
    }
    return identified;
  }

 private:
  const Identifier& identifier_;
  FaceTracker tracker_;
  std::vector<std::vector<TrackedFace>> images_;
};

}  // namespace

bool isKnown(const NamingRule& rule, const Match& match) {
  if (match.score < rule.threshold) return false;
  return !match.runner_up || match.score - match.runner_up_score >= rule.margin;
}

IdentifiedFaces identifyPhotographs(const Identifier& identifier, const ImageSource& photographs) {
  FaceLog log(identifier, 0);
  const size_t count = photographs.names.size();
  const size_t batch = kImagesPerThread * identifier.threads;
  Progress progress("identifying", count, "photographs");
  for (size_t begin = 0; begin < count; begin += batch) {
    std::vector<cv::Mat> images(std::min(batch, count - begin));
    parallelFor(images.size(), identifier.threads,
                [&](size_t i) { images[i] = photographs.load(begin + i); });
    log.add(images);
    progress.add(images.size());
  }
  return log.named();
}

IdentifiedFaces identifyVideo(const Identifier& identifier, const std::filesystem::path& video) {
  VideoReader reader(video);
  const long long gap = std::llround(kMaxGapSeconds * reader.framesPerSecond());
  FaceLog log(identifier, static_cast<size_t>(std::max(1LL, gap)));
  const size_t batch = kImagesPerThread * identifier.threads;
  std::vector<cv::Mat> frames(batch);
  Progress progress("identifying", reader.announcedFrames(), "frames");
  for (size_t count = batch; count == batch;) {
    count = 0;
    while (count < batch && reader.read(frames[count]))
      ++count;
    log.add(std::span(frames).first(count));
    progress.add(count);
  }
  return log.named();
}

}  // namespace sphereface
