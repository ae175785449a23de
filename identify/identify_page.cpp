// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "identify/identify_page.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/image_file.h"
#include "base/progress.h"
#include "evaluation/lfw_report.h"
#include "report/html_page.h"

namespace sphereface {
namespace {

constexpr size_t kShownFaces = 12;  // of a person: three rows
constexpr int kDecimals = 3;        // of a cosine

/// Where a track was seen.
std::string placeOf(const IdentifyInput& input, const FaceTrack& track) {
  if (!input.isVideo()) return input.photographs[track.first_frame];
  const auto time = [&](size_t frame) {
    return formatDuration(static_cast<double>(frame) / input.frames_per_second);
  };
  return concat(time(track.first_frame), " to ", time(track.last_frame), ", ", track.faces,
                track.faces == 1 ? " frame" : " frames");
}

FacePair pairOf(const IdentifyInput& input, const NamedTrack& named, const Gallery& gallery) {
  const Match& match = named.match;
  FacePair pair;
  pair.left = gallery.people[match.person].portrait;
  pair.right = decodeImage(named.track.portrait, "face");
  pair.caption = concat(placeOf(input, named.track), ": ", gallery.people[match.person].name, " ",
                        fixed(match.score, kDecimals));
  if (match.runner_up) {
    pair.caption += concat(", then ", gallery.people[*match.runner_up].name, " ",
                           fixed(match.runner_up_score, kDecimals));
  }
  return pair;
}

void addFaces(const std::string& name, std::vector<const NamedTrack*> tracks,
              const IdentifyInput& input, const Gallery& gallery, HtmlPage& page) {
  if (tracks.empty()) return;
  std::stable_sort(tracks.begin(), tracks.end(), [](const NamedTrack* a, const NamedTrack* b) {
    return a->match.score > b->match.score;
  });
  const size_t shown = std::min(kShownFaces, tracks.size());
  page.heading(concat(
      name, ": ", tracks.size(), input.isVideo() ? " track" : " face",
      tracks.size() == 1 ? "" : "s",
      shown < tracks.size() ? concat(", the ", shown, " with the highest cosine") : std::string()));
  std::vector<FacePair> pairs;
  for (size_t i = 0; i < shown; ++i)
    pairs.push_back(pairOf(input, *tracks[i], gallery));
  page.facePairs(pairs);
}

}  // namespace

std::string identifyPage(const IdentifyInput& input, const IdentifiedFaces& identified,
                         const Gallery& gallery, const NamingRule& rule) {
  std::vector<std::vector<const NamedTrack*>> of_person(gallery.people.size());
  std::vector<const NamedTrack*> unknown;
  for (const NamedTrack& named : identified.tracks)
    (named.known ? of_person[named.match.person] : unknown).push_back(&named);
  const std::vector<Sightings> sightings = countSightings(identified, gallery);
  const std::string images = input.isVideo() ? "frames" : "photographs";
  const std::string tracks = input.isVideo() ? "tracks" : "faces";

  HtmlPage page("Who was found", input.path.filename().string());
  page.figures({{std::to_string(identified.images.size()), images},
                {std::to_string(identified.tracks.size()), tracks},
                {std::to_string(identified.tracks.size() - unknown.size()), tracks + " named"},
                {std::to_string(unknown.size()), tracks + " unknown"}});
  page.paragraph(concat(
      "Named when the cosine with a person of the gallery is at least ",
      fixed(rule.threshold, kDecimals),
      rule.margin > 0 ? concat(" and ", fixed(rule.margin, kDecimals), " above the next person's")
                      : std::string(),
      ". Left the gallery's photograph, right the face that was found."));
  page.heading("People");
  std::vector<std::vector<std::string>> rows;
  for (size_t i = 0; i < gallery.people.size(); ++i) {
    rows.push_back({gallery.people[i].name, std::to_string(gallery.people[i].photographs),
                    std::to_string(sightings[i].images), std::to_string(sightings[i].tracks)});
  }
  rows.push_back({kUnknown, "", std::to_string(sightings.back().images),
                  std::to_string(sightings.back().tracks)});
  page.table({"person", "in gallery", images, tracks}, rows);
  for (size_t i = 0; i < gallery.people.size(); ++i)
    addFaces(gallery.people[i].name, of_person[i], input, gallery, page);
  addFaces("Unknown, beside whom they resemble most", unknown, input, gallery, page);
  return page.text();
}

}  // namespace sphereface
