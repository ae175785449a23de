// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "watch/chrome_trace.h"

#include <algorithm>
#include <limits>

#include "base/error.h"

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

}  // namespace sphereface
