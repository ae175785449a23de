// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "watch/timeline.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <sstream>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/image_file.h"
#include "report/plot_canvas.h"

namespace sphereface {
namespace {

constexpr double kMicroseconds = 1e6;

const char* trackName(const Timeline::Event& event) {
  return event.track() == Timeline::COMPUTE ? "compute" : "reduction";
}

/// The earliest beginning: times in a trace count from it.
double originOf(const Timelines& timelines) {
  double origin = std::numeric_limits<double>::infinity();
  for (const auto& [rank, timeline] : timelines) {
    for (const Timeline::Event& event : timeline.event())
      origin = std::min(origin, event.begin());
  }
  return origin;
}

}  // namespace

Json chromeTrace(const Timelines& timelines) {
  const double origin = originOf(timelines);
  Json events = Json::array();
  for (const auto& [rank, timeline] : timelines) {
    events.push_back({{"ph", "M"},
                      {"name", "process_name"},
                      {"pid", rank},
                      {"args", {{"name", concat("rank ", rank)}}}});
    for (const Timeline::Track track : {Timeline::COMPUTE, Timeline::REDUCTION}) {
      Timeline::Event of_track;
      of_track.set_track(track);
      events.push_back({{"ph", "M"},
                        {"name", "thread_name"},
                        {"pid", rank},
                        {"tid", static_cast<int>(track)},
                        {"args", {{"name", trackName(of_track)}}}});
    }
    for (const Timeline::Event& event : timeline.event()) {
      Json arguments = {{"step", event.step()}};
      if (event.has_bytes()) arguments["bytes"] = event.bytes();
      events.push_back({{"ph", "X"},
                        {"name", event.name()},
                        {"cat", trackName(event)},
                        {"pid", rank},
                        {"tid", static_cast<int>(event.track())},
                        {"ts", kMicroseconds * (event.begin() - origin)},
                        {"dur", kMicroseconds * event.seconds()},
                        {"args", arguments}});
    }
  }
  return {{"displayTimeUnit", "ms"}, {"traceEvents", events}};
}

namespace {

constexpr double kWidth = 1000;
constexpr double kLeft = 150;
constexpr double kRight = 24;
constexpr double kTop = 92;
constexpr double kRow = 30;
constexpr double kBar = 20;
constexpr double kTextSize = 0.46;

struct Colour {
  const char* name;
  cv::Scalar bgr;
};

const Colour kColours[] = {{"load", {150, 150, 150}}, {"forward", {178, 114, 0}},
                           {"head", {167, 121, 204}}, {"backward", {233, 180, 86}},
                           {"wait", {0, 94, 213}},    {"update", {0, 159, 230}},
                           {"bucket", {115, 158, 0}}};

cv::Scalar colourOf(const std::string& name) {
  for (const Colour& colour : kColours) {
    if (name == colour.name) return colour.bgr;
  }
  return {0, 0, 0};
}

uint64_t middleStep(const Timelines& timelines) {
  std::set<uint64_t> steps;
  for (const auto& [rank, timeline] : timelines) {
    for (const Timeline::Event& event : timeline.event())
      steps.insert(event.step());
  }
  return *std::next(steps.begin(), static_cast<ptrdiff_t>(steps.size() / 2));
}

/// When the step began on the first rank and ended on the last, in unix seconds.
struct Extent {
  double begin = std::numeric_limits<double>::infinity();
  double end = 0;
};

Extent extentOf(const Timelines& timelines, uint64_t step) {
  Extent extent;
  for (const auto& [rank, timeline] : timelines) {
    for (const Timeline::Event& event : timeline.event()) {
      if (event.step() != step) continue;
      extent.begin = std::min(extent.begin, event.begin());
      extent.end = std::max(extent.end, event.begin() + event.seconds());
    }
  }
  return extent;
}

void drawLegend(Canvas& canvas) {
  double x = kLeft;
  for (const Colour& colour : kColours) {
    canvas.line({x, 62}, {x + 18, 62}, colour.bgr, 8);
    x += 24;
    canvas.text(colour.name, x, 62, Align::kLeft, kTextSize, {34, 34, 34});
    x += Canvas::textWidth(colour.name, kTextSize) + 18;
  }
}

/// Round numbers of milliseconds below the bars.
void drawAxis(Canvas& canvas, double seconds, double y) {
  const double pixels = kWidth - kLeft - kRight;
  const double magnitude = std::pow(10, std::floor(std::log10(seconds)));
  const double tick =
      seconds / magnitude >= 5 ? magnitude : magnitude / (seconds / magnitude >= 2 ? 2 : 5);
  const int ticks = static_cast<int>(seconds / tick);
  for (int i = 0; i <= ticks; ++i) {
    const double at = i * tick;
    const double x = kLeft + at / seconds * pixels;
    canvas.line({x, kTop - 8}, {x, y}, {228, 228, 228}, 1);
    std::ostringstream text;
    text << 1000 * at;
    canvas.text(text.str(), x, y + 12, Align::kCentre, kTextSize, {100, 100, 100});
  }
  canvas.text("ms", kWidth - kRight, y + 30, Align::kRight, kTextSize, {100, 100, 100});
}

}  // namespace

void writeTimelinePlot(const std::filesystem::path& file, const Timelines& timelines) {
  const uint64_t step = middleStep(timelines);
  const Extent extent = extentOf(timelines, step);
  const double seconds = std::max(1e-6, extent.end - extent.begin);
  const double bottom = kTop + 2 * kRow * static_cast<double>(timelines.size());
  Canvas canvas(static_cast<int>(kWidth), static_cast<int>(bottom + 44));
  canvas.text(concat("Step ", step, " of each worker"), 24, 28, Align::kLeft, 0.66, {34, 34, 34});
  drawLegend(canvas);
  drawAxis(canvas, seconds, bottom);
  double y = kTop;
  for (const auto& [rank, timeline] : timelines) {
    for (const Timeline::Track track : {Timeline::COMPUTE, Timeline::REDUCTION}) {
      const bool compute = track == Timeline::COMPUTE;
      canvas.text(compute ? concat("rank ", rank, ": compute") : "reduction", kLeft - 12,
                  y + kBar / 2, Align::kRight, kTextSize, {34, 34, 34});
      for (const Timeline::Event& event : timeline.event()) {
        if (event.step() != step || event.track() != track) continue;
        auto x = [&](double time) {
          return kLeft + (time - extent.begin) / seconds * (kWidth - kLeft - kRight);
        };
        const double left = x(event.begin());
        // A gap between neighbours, and nothing too thin to be seen.
        const double right = std::max(left + 0.75, x(event.begin() + event.seconds()) - 0.5);
        const cv::Rect2d bar(left, y, right - left, kBar);
        canvas.tint({{left, y}, {right, y}, {right, y + kBar}, {left, y + kBar}}, bar,
                    colourOf(event.name()), 1);
      }
      y += kRow;
    }
  }
  std::filesystem::create_directories(file.parent_path());
  writeFileAtomically(file, encodePng(canvas.reduced()));
}

}  // namespace sphereface
