// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "identify/identify_report.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/image_file.h"
#include "base/progress.h"
#include "report/html_page.h"
#include "report/text_table.h"

namespace sphereface {
namespace {

constexpr size_t kShownFaces = 12;  // of a person: three rows
constexpr int kDecimals = 3;        // of a cosine

/// Whose a track is: a person of the gallery, or the place behind them for the unknown.
size_t personOf(const NamedTrack& named, const Gallery& gallery) {
  return named.known ? named.match.person : gallery.people.size();
}

struct Sightings {
  size_t images = 0;  // that show the person
  size_t tracks = 0;
};

/// Of each of gallery.people, in their order, and last of all who are unknown together.
std::vector<Sightings> countSightings(const IdentifiedFaces& identified, const Gallery& gallery) {
  std::vector<Sightings> sightings(gallery.people.size() + 1);
  for (const NamedTrack& named : identified.tracks)
    ++sightings[personOf(named, gallery)].tracks;
  for (const std::vector<TrackedFace>& faces : identified.images) {
    std::set<size_t> present;
    for (const TrackedFace& face : faces)
      present.insert(personOf(identified.tracks[face.track], gallery));
    for (const size_t person : present)
      ++sightings[person].images;
  }
  return sightings;
}

/// Who a track is, as fields of a face or a track.
Json whoJson(const NamedTrack& named, const Gallery& gallery) {
  const Match& match = named.match;
  Json who = {{"name", named.known ? gallery.faces.name(match.person) : kUnknown},
              {"nearest", gallery.faces.name(match.person)},
              {"score", match.score},
              {"runner_up", nullptr},
              {"runner_up_score", nullptr}};
  if (match.runner_up) {
    who["runner_up"] = gallery.faces.name(*match.runner_up);
    who["runner_up_score"] = match.runner_up_score;
  }
  return who;
}

Json faceJson(const TrackedFace& tracked, const IdentifiedFaces& identified,
              const Gallery& gallery) {
  const Face& face = tracked.face;
  Json points = Json::array();
  for (const cv::Point2d& point : face.points)
    points.push_back({point.x, point.y});
  Json json = whoJson(identified.tracks[tracked.track], gallery);
  json["box"] = {face.x1, face.y1, face.x2, face.y2};
  json["points"] = std::move(points);
  json["detection"] = face.score;
  json["track"] = tracked.track;
  return json;
}

Json galleryJson(const Gallery& gallery) {
  Json people = Json::array();
  for (const GalleryPerson& person : gallery.people) {
    people.push_back({{"name", person.name},
                      {"photographs", person.photographs},
                      {"aligned_photographs", person.aligned_photographs},
                      {"several_faces", person.several_faces}});
  }
  return people;
}

Json tracksJson(const IdentifiedFaces& identified, const Gallery& gallery) {
  Json tracks = Json::array();
  for (const NamedTrack& named : identified.tracks) {
    Json track = {{"first_frame", named.track.first_frame},
                  {"last_frame", named.track.last_frame},
                  {"faces", named.track.faces}};
    track.update(whoJson(named, gallery));
    tracks.push_back(std::move(track));
  }
  return tracks;
}

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

std::string identifyTable(const IdentifyInput& input, const IdentifiedFaces& identified,
                          const Gallery& gallery) {
  const std::vector<Sightings> sightings = countSightings(identified, gallery);
  size_t width = std::string("person").size();
  for (const GalleryPerson& person : gallery.people)
    width = std::max(width, person.name.size());
  TextTable table({-static_cast<int>(width), 10, 8});
  const auto add = [&](const std::string& name, const Sightings& seen) {
    table.row({name, std::to_string(seen.images), std::to_string(seen.tracks)});
  };
  table.row(
      {"person", input.isVideo() ? "frames" : "photos", input.isVideo() ? "tracks" : "faces"});
  for (size_t i = 0; i < gallery.people.size(); ++i) {
    if (sightings[i].tracks > 0) add(gallery.people[i].name, sightings[i]);
  }
  add(kUnknown, sightings.back());
  return table.text();
}

Json identifyJson(const IdentifyInput& input, const IdentifiedFaces& identified,
                  const Gallery& gallery, const NamingRule& rule) {
  Json json = {{"input", input.path.string()},
               {"threshold", rule.threshold},
               {"margin", rule.margin},
               {"gallery", galleryJson(gallery)}};
  if (input.isVideo()) json["frames_per_second"] = input.frames_per_second;
  Json images = Json::array();
  for (size_t i = 0; i < identified.images.size(); ++i) {
    Json image;
    if (input.isVideo()) {
      image["frame"] = i;
      image["seconds"] = static_cast<double>(i) / input.frames_per_second;
    } else {
      image["photograph"] = input.photographs[i];
    }
    image["faces"] = Json::array();
    for (const TrackedFace& face : identified.images[i])
      image["faces"].push_back(faceJson(face, identified, gallery));
    images.push_back(std::move(image));
  }
  json[input.isVideo() ? "frames" : "photographs"] = std::move(images);
  if (input.isVideo()) json["tracks"] = tracksJson(identified, gallery);
  return json;
}

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
