// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "identify/identify.h"

#include <algorithm>
#include <cmath>
#include <opencv2/core.hpp>
#include <span>
#include <vector>

#include "base/parallel.h"
#include "base/progress.h"
#include "identify/video_file.h"

namespace sphereface {
namespace {

constexpr size_t kImagesPerThread = 4;  // in memory at a time
constexpr double kMaxGapSeconds = 0.5;

}  // namespace

IdentifiedFaces identifyPhotographs(const Identifier& identifier, const ImageSource& photographs) {
  FaceLog log(identifier.networks, identifier.embedder, FaceTracker(identifier.rule.threshold, 0),
              identifier.min_face, identifier.threads);
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
  return log.name(identifier.gallery.faces, identifier.rule);
}

IdentifiedFaces identifyVideo(const Identifier& identifier, const std::filesystem::path& video) {
  VideoReader reader(video);
  const long long gap = std::llround(kMaxGapSeconds * reader.framesPerSecond());
  FaceLog log(identifier.networks, identifier.embedder,
              FaceTracker(identifier.rule.threshold, static_cast<size_t>(std::max(1LL, gap))),
              identifier.min_face, identifier.threads);
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
  return log.name(identifier.gallery.faces, identifier.rule);
}

}  // namespace sphereface
