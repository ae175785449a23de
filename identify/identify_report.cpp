// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "identify/identify_report.h"

#include <algorithm>
#include <iomanip>
#include <set>
#include <sstream>
#include <utility>

namespace sphereface {
namespace {

/// Whose a track is: a person of the gallery, or the place behind them for the unknown.
size_t personOf(const NamedTrack& named, const Gallery& gallery) {
  return named.known ? named.match.person : gallery.people.size();
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

}  // namespace

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

std::string identifyTable(const IdentifyInput& input, const IdentifiedFaces& identified,
                          const Gallery& gallery) {
  const std::vector<Sightings> sightings = countSightings(identified, gallery);
  size_t width = std::string("person").size();
  for (const GalleryPerson& person : gallery.people)
    width = std::max(width, person.name.size());
  std::ostringstream table;
  const auto row = [&](const std::string& name, const auto& images, const auto& tracks) {
    table << std::left << std::setw(static_cast<int>(width)) << name << std::right << std::setw(10)
          << images << std::setw(8) << tracks << '\n';
  };
  row("person", input.isVideo() ? "frames" : "photos", input.isVideo() ? "tracks" : "faces");
  for (size_t i = 0; i < gallery.people.size(); ++i) {
    if (sightings[i].tracks > 0) {
      row(gallery.people[i].name, sightings[i].images, sightings[i].tracks);
    }
  }
  row(kUnknown, sightings.back().images, sightings.back().tracks);
  return table.str();
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

}  // namespace sphereface
